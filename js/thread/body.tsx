import { useContext, useState } from "preact/hooks";
import { placesOf } from "../shared/search";
import { LONGEST_ADDRESS, sizeName, Text } from "../shared/text";
import { Markdown } from "./markdown";
import { ReadingContext } from "./reading";

/** Longer texts are folded: characters and lines that are shown of them. */
const LONGEST = 900;
const MOST_LINES = 24;

const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\s)+$/u;

/** Whether there is nothing but a few emoji in it: they are shown large. */
export const isEmoji = (text: string): boolean =>
  text.length <= 40 && EMOJI.test(text) && /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(text);

/** What is shown of a text while it is folded; null where all of it is. */
export function foldedOf(text: string): string | null {
  let end = 0;
  for (let line = 0; line < MOST_LINES && end >= 0; line++) end = text.indexOf("\n", end + 1);
  const cut = Math.min(end < 0 ? text.length : end, text.length > LONGEST + 500 ? LONGEST : text.length);
  if (cut >= text.length) return null;
  const word = cut - (/\S*$/.exec(text.slice(Math.max(0, cut - LONGEST_ADDRESS - 1), cut))?.[0].length ?? 0);
  // Half an address would lead somewhere else: it goes whole, or is too long to be a link.
  const to = cut - word > LONGEST_ADDRESS ? cut : word > 0 ? word : Math.min(text.length, LONGEST_ADDRESS + 52);
  return to < text.length ? text.slice(0, isHigh(text, to - 1) ? to - 1 : to) : null;
}

/** Whether it is the first half of a character. */
const isHigh = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800;

interface Props {
  children: string;
  /** What the folding is remembered by. */
  name: string;
  /** Whether it is never read as Markdown. */
  plain?: boolean;
  /** What is searched for and marked, folded; "" for nothing. */
  highlight?: string;
}

/** A stranger's text as it is shown in a row. */
export function Body({ children, name, plain = false, highlight = "" }: Props) {
  const { desk, markdown } = useContext(ReadingContext);
  const [open, setOpen] = useState(() => desk?.isOpen(name) ?? false);
  const folded = foldedOf(children);
  const isFound = folded !== null && highlight !== "" && placesOf(highlight, children).length > 0;
  const shown = open || isFound || folded === null ? children : `${folded.trimEnd()} …`;
  const toggle = () => {
    desk?.setOpen(name, !open);
    setOpen(!open);
  };
  return (
    <>
      <div class={isEmoji(children) ? "cw-body cw-large" : "cw-body"} dir="auto">
        {markdown && !plain ? (
          <Markdown highlight={highlight}>{shown}</Markdown>
        ) : (
          <Text highlight={highlight}>{shown}</Text>
        )}
      </div>
      {folded !== null && (
        <button type="button" class="cw-plain cw-fold" aria-expanded={open} onClick={toggle}>
          {open ? "Show less" : `Show all (${sizeName(new TextEncoder().encode(children).length)})`}
        </button>
      )}
    </>
  );
}
