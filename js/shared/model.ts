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

/** Whom the composer writes to, what a message may carry, and why nothing can be sent. */
export interface Writing {
  identity: string;
  /** Some of the others, those on other channels first. */
  to: readonly { name: string; channel: string }[];
  others: number;
  /** Channels of people here that take only short texts, and how many characters those are. */
  short: readonly string[];
  longest: number;
  mostFiles: number;
  /** Bytes of one file, and of all of a message. */
  largest: number;
  largestTogether: number;
  whyNot: "" | "closed" | "left";
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
  /** Else Shift+Enter does. */
  enterSends: boolean;
  /** Whether the messages of others can be edited and deleted too. */
  moderator: boolean;
  writing: Writing;
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

/** A file that a view has: what is told of it, and where the kernel wants it to go on. */
export interface Missing {
  id: string;
  offset: number;
}

function missingOne(value: unknown): Missing | null {
  const { id, offset } = wire(value);
  return typeof id === "string" ? { id, offset: finite(offset) ?? 0 } : null;
}

/** The files that the kernel needs before it can send a message; none where it has sent it. */
export const missingFrom = (value: unknown): Missing[] => listOf(wire(value).missing, missingOne);

/** Bytes of a message's files that the service has. */
export interface Progress {
  localId: string;
  through: number;
  total: number;
}

export function progressFrom(content: unknown): Progress | null {
  const fields = wire(content);
  if (fields.kind !== "progress") return null;
  return { localId: text(fields.local_id), through: finite(fields.through) ?? 0, total: finite(fields.total) ?? 0 };
}

function addresseeFrom(value: unknown): Writing["to"][number] | null {
  const fields = wire(value);
  return fields.name ? { name: text(fields.name), channel: text(fields.channel) || "chat" } : null;
}

const MB = 1024 * 1024;

function writingFrom(value: unknown): Writing {
  const fields = wire(value);
  return {
    identity: text(fields.identity),
    to: listOf(fields.to, addresseeFrom),
    others: finite(fields.others) ?? 0,
    short: texts(fields.short),
    longest: finite(fields.longest) ?? 1600,
    mostFiles: finite(fields.most_files) ?? 10,
    largest: finite(fields.largest) ?? 150 * MB,
    largestTogether: finite(fields.largest_together) ?? 150 * MB,
    whyNot: oneOf(fields.why_not, ["", "closed", "left"], ""),
  };
}

const TRAITS = [
  ...["conversation_sid", "read_only", "enter_sends", "moderator", "mark_read", "selected"],
  ...["times", "markdown", "theme", "height", "_header", "_writing", "_readers", "_connection"],
];
export const TRAIT_EVENTS = TRAITS.map((name) => `change:${name}`);
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
    enterSends: model.get("enter_sends") !== false,
    moderator: model.get("moderator") === true,
    writing: writingFrom(model.get("_writing")),
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
