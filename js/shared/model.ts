/** A conversation as the kernel tells it: here, and nowhere else, its snake_case becomes camelCase. */

import {
  type AnyModel,
  type Connection,
  connectionOf,
  finite,
  heightOf,
  isWire,
  listOf,
  oneOf,
  type Theme,
  text,
  textOrNull,
  texts,
  themeOf,
  type Wire,
  wire,
} from "./values";

export type Amount = "none" | "some" | "all";

export interface Delivery {
  total: number;
  sent: Amount;
  delivered: Amount;
  read: Amount;
  failed: Amount;
  undelivered: Amount;
}

export interface Medium {
  sid: string;
  filename: string | null;
  contentType: string;
  size: number | null;
}

/** What people did with a message: as the official demo keeps it, by a name that stands for an emoji. */
export interface Reaction {
  name: string;
  count: number;
  /** Names of some of the people. */
  people: readonly string[];
  own: boolean;
}

/** A text of an email, in one of its forms; it is read when somebody wants to see it. */
export interface EmailText extends Medium {
  category: "body" | "history";
}

export interface Message {
  sid: string;
  index: number;
  author: string;
  name: string;
  own: boolean;
  /** Written by the service itself: somebody came, left, closed it. */
  system: boolean;
  /** It was there, and was removed while it was shown. */
  deleted: boolean;
  channel: string;
  /** What is written here goes out as text messages: they have no markup. */
  plain: boolean;
  body: string | null;
  subject: string | null;
  /** Milliseconds since the epoch. */
  dateCreated: number | null;
  edited: boolean;
  media: readonly Medium[];
  texts: readonly EmailText[];
  /** The type of its rich content ("twilio/card"), which is read when it comes into sight; null where it has none. */
  content: string | null;
  reactions: readonly Reaction[];
  delivery: Delivery | null;
}

export interface Header {
  title: string;
  state: "active" | "inactive" | "closed";
  names: readonly string[];
  identity: string;
}

/** How many others on chat have read up to which index; -1 for nothing. */
export type Readers = readonly { index: number; count: number }[];

export interface Traits {
  conversationSid: string;
  times: "clock" | "relative";
  markdown: boolean;
  readers: Readers;
  /** Sids of messages. */
  selected: readonly string[];
  markRead: boolean;
  readOnly: boolean;
  theme: Theme;
  /** Pixels. */
  height: number;
  header: Header;
  connection: Connection;
}

export interface OpenPage {
  messages: Message[];
  hasOlder: boolean;
  seq: number;
  typing: string[];
}

export interface Page {
  messages: Message[];
  /** Whether there is more in the direction that was asked for. */
  more: boolean;
}

export type Change =
  | { type: "added"; message: Message; localId: string | null }
  | { type: "updated"; message: Message }
  | { type: "removed"; index: number; sid: string }
  | { type: "typing"; names: string[] }
  | { type: "reset" };

export interface Batch {
  seq: number;
  changes: Change[];
}

const amount = (value: unknown): Amount => oneOf(value, ["none", "some", "all"], "none");

function deliveryFrom(value: unknown): Delivery | null {
  if (!isWire(value)) return null;
  return {
    total: finite(value.total) ?? 0,
    sent: amount(value.sent),
    delivered: amount(value.delivered),
    read: amount(value.read),
    failed: amount(value.failed),
    undelivered: amount(value.undelivered),
  };
}

function mediumFrom(value: unknown): Medium {
  const fields = wire(value);
  return {
    sid: text(fields.sid),
    filename: textOrNull(fields.filename),
    contentType: text(fields.content_type),
    size: finite(fields.size),
  };
}

const emailTextFrom = (value: unknown): EmailText => ({
  ...mediumFrom(value),
  category: oneOf(wire(value).category, ["body", "history"], "body"),
});

function reactionFrom(value: unknown): Reaction | null {
  const fields = wire(value);
  const name = text(fields.name);
  const count = finite(fields.count) ?? 0;
  return name && count > 0 ? { name, count, people: texts(fields.people), own: fields.own === true } : null;
}

/** A message, or null when it has no place in the order. */
export function messageFrom(value: unknown): Message | null {
  const fields = wire(value);
  const index = finite(fields.index);
  if (index === null) return null;
  const author = text(fields.author);
  return {
    sid: text(fields.sid),
    index,
    author,
    name: text(fields.name) || author,
    own: fields.own === true,
    system: fields.system === true,
    deleted: false,
    channel: text(fields.channel) || "chat",
    plain: fields.plain === true,
    body: textOrNull(fields.body),
    subject: textOrNull(fields.subject),
    dateCreated: finite(fields.date_created),
    edited: fields.edited === true,
    media: listOf(fields.media, mediumFrom),
    texts: listOf(fields.texts, emailTextFrom),
    content: textOrNull(fields.content),
    reactions: listOf(fields.reactions, reactionFrom),
    delivery: deliveryFrom(fields.delivery),
  };
}

/** Messages in the order of their index, each index once. */
export function messagesFrom(value: unknown): Message[] {
  const byIndex = new Map<number, Message>();
  for (const each of Array.isArray(value) ? value : []) {
    const message = messageFrom(each);
    if (message) byIndex.set(message.index, message);
  }
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

export function openPageFrom(value: unknown): OpenPage {
  const fields = wire(value);
  return {
    messages: messagesFrom(fields.messages),
    hasOlder: fields.has_older === true,
    seq: finite(fields.seq) ?? 0,
    typing: texts(fields.typing),
  };
}

export function pageFrom(value: unknown, direction: "older" | "newer"): Page {
  const fields = wire(value);
  const more = direction === "older" ? fields.has_older : fields.has_newer;
  return { messages: messagesFrom(fields.messages), more: more === true };
}

/** The index that a sent message got, or null. */
export const sentIndexFrom = (value: unknown): number | null => finite(wire(value).index);

function changeFrom(value: unknown): Change | null {
  const fields = wire(value);
  const message = messageFrom(fields.message);
  const index = finite(fields.index);
  switch (fields.type) {
    case "added":
      return message && { type: "added", message, localId: textOrNull(fields.local_id) };
    case "updated":
      return message && { type: "updated", message };
    case "removed":
      return index === null ? null : { type: "removed", index, sid: text(fields.sid) };
    case "typing":
      return { type: "typing", names: texts(fields.names) };
    case "reset":
      return { type: "reset" };
    default:
      return null; // of a newer kernel
  }
}

/** The changes of a `batch` message of the kernel, or null when the content is something else. */
export function batchFrom(content: unknown): Batch | null {
  const fields = wire(content);
  const seq = finite(fields.seq);
  if (fields.kind !== "batch" || seq === null) return null;
  const changes = Array.isArray(fields.changes) ? fields.changes.map(changeFrom) : [];
  return { seq, changes: changes.filter((change) => change !== null) };
}

export const sendParams = (body: string, localId: string): Wire => ({ body, local_id: localId });

const TRAITS = ["conversation_sid", "read_only", "mark_read", "selected", "times", "markdown", "theme", "height"];
export const TRAIT_EVENTS = [...TRAITS, "_header", "_readers", "_connection"].map((name) => `change:${name}`);
export const RECENT_EVENT = "change:_recent";

export const recentOf = (model: AnyModel): Message[] => messagesFrom(model.get("_recent"));

function readerFrom(value: unknown): Readers[number] | null {
  const [index, count] = Array.isArray(value) ? value.map(finite) : [];
  return index == null || count == null ? null : { index, count };
}

export function traitsOf(model: AnyModel): Traits {
  const header = wire(model.get("_header"));
  return {
    conversationSid: text(model.get("conversation_sid")),
    readOnly: model.get("read_only") === true,
    times: oneOf(model.get("times"), ["clock", "relative"], "clock"),
    markdown: model.get("markdown") === true,
    readers: listOf(model.get("_readers"), readerFrom),
    selected: texts(model.get("selected")),
    markRead: model.get("mark_read") !== false,
    theme: themeOf(model),
    height: heightOf(model),
    header: {
      title: text(header.title),
      state: oneOf(header.state, ["active", "inactive", "closed"], "active"),
      names: texts(header.names),
      identity: text(header.identity),
    },
    connection: connectionOf(model),
  };
}
