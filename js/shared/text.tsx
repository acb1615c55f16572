import type { ComponentChildren } from "preact";
import { placesOf } from "./search";

const ADDRESS = /\b(?:https?:\/\/|mailto:|tel:)[^\s<>"]+/gi;

/** What a link may lead to; everything else stays text. */
const PROTOCOLS = new Set(["http:", "https:", "mailto:", "tel:"]);

/** Longer than any address that people send; what is longer stays text. */
export const LONGEST_ADDRESS = 2048;

const OPENING: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Cuts off what a sentence put behind an address: a full stop, a closing bracket that was not opened in it. */
function trimAddress(found: string): string {
  const counts: Record<string, number> = {};
  for (const letter of found) counts[letter] = (counts[letter] ?? 0) + 1;
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1] ?? "";
    const opening = OPENING[last];
    const unopened = opening !== undefined && (counts[last] ?? 0) > (counts[opening] ?? 0);
    if (!unopened && !/[.,:;!?'*_~\u2019\u201d]/.test(last)) break;
    counts[last] = (counts[last] ?? 1) - 1;
  }
  return found.slice(0, end);
}

/** The address as the browser understands it, or null for everything that is not http, https, mailto or tel. */
export function linkTarget(address: string): string | null {
  if (address.length > LONGEST_ADDRESS) return null;
  try {
    const url = new URL(address);
    return PROTOCOLS.has(url.protocol) && (url.host || url.pathname) ? url.href : null;
  } catch {
    return null;
  }
}

/** Plain text, with what was searched for (folded, see search.ts) marked. */
export function Marked({ children, highlight = "" }: { children: string; highlight?: string }) {
  const parts: ComponentChildren[] = [];
  let done = 0;
  for (const [from, to] of placesOf(highlight, children)) {
    parts.push(children.slice(done, from), <mark class="cw-mark">{children.slice(from, to)}</mark>);
    done = to;
  }
  parts.push(children.slice(done));
  return <>{parts}</>;
}

/** A link away from the notebook, which learns nothing of it. Its target stands in the title, whatever its text says. */
export function Link({ target, children, ...rest }: { target: string; class?: string; children: ComponentChildren }) {
  return (
    <a href={target} title={target} target="_blank" rel="noopener noreferrer nofollow" {...rest}>
      {children}
    </a>
  );
}

/** A stranger's text: addresses become links made of text nodes, everything else stays the characters it is. */
export function Text({ children, highlight = "" }: { children: string; highlight?: string }) {
  const marked = (text: string) => (highlight === "" ? text : <Marked highlight={highlight}>{text}</Marked>);
  const parts: ComponentChildren[] = [];
  let done = 0;
  for (const match of children.matchAll(ADDRESS)) {
    const address = trimAddress(match[0]);
    const target = linkTarget(address);
    if (!target) continue;
    parts.push(marked(children.slice(done, match.index)), <Link target={target}>{marked(address)}</Link>);
    done = match.index + address.length;
  }
  parts.push(marked(children.slice(done)));
  return <>{parts}</>;
}

/** "1.2 MB": decimal units, as file managers count. */
export function sizeName(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${unit === 0 && bytes === 1 ? "byte" : units[unit]}`;
}
