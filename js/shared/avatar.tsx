/** Dark enough for white initials (4.5:1), far enough from each other to tell people apart. */
export const AVATAR_COLOURS =
  "#7a52b3 #1f7a63 #a8560f #1f6fb2 #b03a5b #5d6b12 #8a4b2f #3f5bb5 #0f7285 #97397f #566573 #2c7a2f #c02f2f #6b6256 #7b3fa0 #85631a #a33b79".split(
    " ",
  );

/** The same colour for the same author, in every view and every session. */
export function colourOf(author: string): string {
  let hash = 0x811c9dc5; // FNV-1a, then murmur3's last steps: short names must spread over few colours
  for (let at = 0; at < author.length; at++) hash = Math.imul(hash ^ author.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return AVATAR_COLOURS[(hash >>> 0) % AVATAR_COLOURS.length] ?? "#566573";
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The first letter as a reader sees it. A letter under a pile of combining marks is cut down to its base. */
function firstLetter(word: string): string {
  for (const { segment } of segmenter.segment(word)) {
    return segment.length <= 8 ? segment.toLocaleUpperCase() : String.fromCodePoint(segment.codePointAt(0) ?? 63);
  }
  return "";
}

/** One or two letters for a name; an e-mail address gives its first letter, a telephone number its last two digits. */
export function initialsOf(name: string): string {
  if (/^\+?[\d\s•().-]+$/.test(name)) return name.replace(/\D/g, "").slice(-2) || "#";
  const words = name.includes("@") ? [name] : name.split(/[\s._-]+/);
  const lettered = words.filter((word) => /\p{L}|\p{N}|\p{Extended_Pictographic}/u.test(word));
  const first = lettered[0];
  const last = lettered[lettered.length - 1];
  if (first === undefined || last === undefined) return "?";
  return lettered.length > 1 ? firstLetter(first) + firstLetter(last) : firstLetter(first);
}

export function Avatar({ author, name }: { author: string; name: string }) {
  return (
    <span class="cw-avatar" style={{ background: colourOf(author) }} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
