/** What the composer says: to whom it writes, how much room is left, and what cannot be sent. */
import { channelName } from "../shared/channel";
import type { Writing } from "../shared/model";
import { sizeName } from "../shared/text";
import { sizeOf } from "./outbox";
import type { Attachment } from "./sending";

/** The service takes bodies up to this many bytes of UTF-8. */
export const BODY_LIMIT = 32_768;
/** Room is counted from here on, in bytes, and in characters of short texts. */
const NEAR = 1000;
const NEAR_SHORT = 160;

const encoder = new TextEncoder();
export const bytesOf = (text: string): number => encoder.encode(text).length;
/** Characters nearly as people count them: an emoji of one code point is one. */
const charactersOf = (text: string): number => [...text].length;

const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

export interface Room {
  words: string;
  isOver: boolean;
}

/** How much room is left, where that is little or none; else null. */
export function roomOf(text: string, { short, longest }: Pick<Writing, "short" | "longest">): Room | null {
  if (short.length > 0 && text.length >= longest - NEAR_SHORT) {
    const left = longest - charactersOf(text);
    const channels = short.map(channelName).join(" and ");
    if (left < 0) {
      const words = `Too long for ${channels}: cut at least ${counted(-left, "character")} (${longest.toLocaleString("en")} is the limit).`;
      return { words, isOver: true };
    }
    if (left <= NEAR_SHORT) return { words: `${counted(left, "character")} left for ${channels}`, isOver: false };
  }
  if (text.length * 3 < BODY_LIMIT - NEAR) return null; // no text has more bytes than that
  const left = BODY_LIMIT - bytesOf(text);
  if (left < 0) {
    const cut = counted(-left, "byte");
    const words = `Too long to send: cut at least ${cut} (32 KB is the limit; a letter is one to four bytes).`;
    return { words, isOver: true };
  }
  return left <= NEAR ? { words: `${counted(left, "byte")} left`, isOver: false } : null;
}

/** Why files cannot go with one message, or null. */
export function excessOf(
  files: readonly Attachment[],
  limits: Pick<Writing, "mostFiles" | "largest" | "largestTogether">,
): string | null {
  const { mostFiles, largest, largestTogether } = limits;
  const empty = files.find((each) => each.file.size === 0);
  const big = files.find((each) => each.file.size > largest);
  if (empty) return `${empty.file.name} is empty: nobody could see it.`;
  if (big) return `${big.file.name} is too large: ${megabytes(largest)} is the limit for one file.`;
  if (files.length > mostFiles) return `Too many files: ${mostFiles} is the limit for one message.`;
  if (sizeOf(files) > largestTogether) {
    return `Together the files have ${sizeName(sizeOf(files))}: ${megabytes(largestTogether)} is the limit for one message.`;
  }
  return null;
}

/** A limit as it is set: whole units of 1,048,576 bytes. */
const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;

export const limitsWords = ({ mostFiles, largestTogether }: Writing): string =>
  `Attach files: up to ${mostFiles}, ${megabytes(largestTogether)} together`;

/** "Write to Marta on WhatsApp". */
export function addressing({ to, others }: Writing): string {
  const [first] = to;
  if (!first) return "Write a message";
  const outside = to.filter((each) => each.channel !== "chat");
  const named = outside.length > 0 ? outside : to.slice(0, others === 2 ? 2 : 1);
  const names = named.map(({ name, channel }) => (channel === "chat" ? name : `${name} on ${channelName(channel)}`));
  const rest = others - named.length;
  if (rest > 0) names.push(rest === 1 ? "one other" : `${rest} others`);
  const last = names.pop();
  return `Write to ${names.length > 0 ? `${names.join(", ")} and ${last}` : last}`;
}

export const isSendable = (text: string, files: readonly Attachment[], writing: Writing): boolean =>
  (text.trim() !== "" || files.length > 0) && !roomOf(text, writing)?.isOver && excessOf(files, writing) === null;

type Key = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "keyCode">;

/**
 * Enter sends, or Shift+Enter where Enter makes lines; Ctrl or Cmd with it always does. Not the Enter that picks a word
 * in an input method (229 is Safari's way to say so).
 */
export function isSendKey(event: Key, enterSends: boolean): boolean {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229 || event.altKey) return false;
  return event.ctrlKey || event.metaKey || event.shiftKey !== enterSends;
}

/** Why nobody can write here, or null. */
export function whyNot(writing: Writing, connection: string, state: string, readOnly: boolean): string | null {
  if (readOnly) return "This view is read-only.";
  if (writing.whyNot === "closed" || state === "closed")
    return "This conversation is closed: nothing can be sent to it.";
  if (writing.whyNot === "left") return "You are not in this conversation: join it to write.";
  if (connection === "denied") return "Nothing can be sent: access was denied.";
  if (connection === "disconnected") return "Nothing can be sent: the client was shut down, or its token has run out.";
  return null;
}
