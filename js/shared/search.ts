/** Finding text as people type it: without regard to case and accents. */

const MARKS = /\p{M}+/gu;
const PLAIN = /^[ -~\s]*$/; // most text, and quick

/** The text as it is compared; the kernel does the same (`widgets/_finding.py`). */
export function folded(text: string): string {
  return PLAIN.test(text)
    ? text.toLowerCase()
    : text.normalize("NFKD").replace(MARKS, "").toLowerCase().replaceAll("ς", "σ");
}

/** Where the folded `needle` stands in a text: pairs of first and behind the last character, in order. */
export function placesOf(needle: string, text: string): [number, number][] {
  if (needle === "" || !folded(text).includes(needle)) return [];
  let plain = "";
  const starts: number[] = []; // of each folded character, where its own character starts in the text, and ends
  const ends: number[] = [];
  let at = 0;
  for (const character of text) {
    const letters = folded(character);
    at += character.length;
    if (letters === "") ends[ends.length - 1] = at; // a mark belongs to the letter before it
    for (let nth = 0; nth < letters.length; nth++) {
      starts.push(at - character.length);
      ends.push(at);
    }
    plain += letters;
  }
  const places: [number, number][] = [];
  for (let from = plain.indexOf(needle); from >= 0; from = plain.indexOf(needle, from + needle.length)) {
    places.push([starts[from] ?? 0, ends[from + needle.length - 1] ?? text.length]);
  }
  return places;
}
