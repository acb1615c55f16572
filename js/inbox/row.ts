import { finite, oneOf, text, textOrNull, texts, wire } from "../shared/values";

/** A conversation as the kernel tells it. */
export interface Conversation {
  sid: string;
  title: string;
  uniqueName: string | null;
  state: "active" | "inactive" | "closed";
  channel: string;
  muted: boolean;
  /** Null while nothing was ever read. */
  unread: number | null;
  /** Null while it is not known, or where there is none. */
  lastText: string | null;
  lastAuthor: string | null;
  lastOwn: boolean;
  /** Milliseconds since the epoch. */
  lastDate: number | null;
  /** Names of those who are writing. */
  typing: readonly string[];
}

export function conversationFrom(value: unknown): Conversation | null {
  const fields = wire(value);
  const sid = text(fields.sid);
  if (!sid) return null;
  return {
    sid,
    title: text(fields.title) || sid,
    uniqueName: textOrNull(fields.unique_name),
    state: oneOf(fields.state, ["active", "inactive", "closed"], "active"),
    channel: text(fields.channel) || "chat",
    muted: fields.muted === true,
    unread: finite(fields.unread),
    lastText: textOrNull(fields.last_text),
    lastAuthor: textOrNull(fields.last_author),
    lastOwn: fields.last_own === true,
    lastDate: finite(fields.last_date),
    typing: texts(fields.typing),
  };
}
