/**
 * The window of messages that one view holds, as a pure reducer.
 *
 * Three sources tell about messages, each late, repeated or out of order at times: pages (`open`, older, newer),
 * batches of changes, and the answer to an own `send`. They converge because for one index
 * "removed" beats "updated" beats "added or paged", and nothing else decides.
 *
 * A batch carries a number. One that is missing, or a `reset`, makes `sync` "wanted": the view then calls `open`
 * again, keeps the batches that come meanwhile, and applies those that are newer than the answer.
 */
import type { Batch, Change, Message, OpenPage, Page } from "../shared/model";
import { type FindingAction, reduceFinding, type Target, type Unread } from "./finding";
import { claim, land, type Pending, reduceSending, type SendingAction, settle } from "./sending";

/** Messages held at most; older ones and newer ones are fetched again when the reader gets there. */
export const CAP = 2000;
/** How far the window may grow over the cap before it is cut: cutting moves the list, so it is done seldom. */
export const SLACK = 200;
const REMEMBERED = 5000;

export interface State {
  conversationSid: string;
  messages: readonly Message[];
  pending: readonly Pending[];
  hasOlder: boolean;
  /** The newest end is not loaded: new messages only count. */
  hasNewer: boolean;
  older: "idle" | "loading" | "failed";
  newer: "idle" | "loading" | "failed";
  sync: "wanted" | "opening" | "open" | "failed";
  /** Whether `open` was ever answered. */
  opened: boolean;
  error: { type: string; message: string } | null;
  seq: number | null;
  waiting: readonly Batch[];
  typing: readonly string[];
  /** The reader is at the newest end and wants to stay there. */
  following: boolean;
  /** The newest index that the reader had when they scrolled up. */
  seenUpTo: number;
  /** Unseen messages behind the loaded newest end. */
  beyond: number;
  /** Messages that came while a newer page was on its way: the page may end before them. */
  tail: readonly Message[];
  newest: number;
  removed: ReadonlySet<number>;
  /** Updates of messages that are not held: a page on its way may bring the older text. */
  updated: ReadonlyMap<number, Message>;
  /** Which optimistic row became which message: it keeps its place in the DOM. */
  landed: ReadonlyMap<number, string>;
  /** The unread line, and what it says. */
  unread: Unread | null;
  /** Where the view goes, or went last. */
  target: Target | null;
  /** Grows when the window is replaced: the view then restores the reader's place. */
  epoch: number;
}

export type Action =
  | { type: "conversation"; conversationSid: string; recent: readonly Message[] }
  | { type: "recent"; messages: readonly Message[] }
  | { type: "opening" }
  | { type: "opened"; page: OpenPage; unread?: Unread | null }
  | { type: "openFailed"; error: { type: string; message: string } }
  | { type: "wanted" }
  | { type: "latest" }
  | { type: "refreshed"; page: Page }
  | { type: "batch"; batch: Batch }
  | { type: "olderLoading" | "newerLoading" | "olderFailed" | "newerFailed" }
  | { type: "olderLoaded"; page: Page; before: number }
  | { type: "newerLoaded"; page: Page; after: number }
  | { type: "trim"; side: "oldest" | "newest" }
  | { type: "follow"; following: boolean }
  | FindingAction
  | SendingAction;

export function initialState(conversationSid: string, recent: readonly Message[]): State {
  return {
    conversationSid,
    messages: recent,
    pending: [],
    hasOlder: false,
    hasNewer: false,
    older: "idle",
    newer: "idle",
    sync: "wanted",
    opened: false,
    error: null,
    seq: null,
    waiting: [],
    typing: [],
    following: true,
    seenUpTo: Number.POSITIVE_INFINITY,
    beyond: 0,
    tail: [],
    newest: lastIndex(recent),
    removed: new Set(),
    updated: new Map(),
    landed: new Map(),
    unread: null,
    target: null,
    epoch: 0,
  };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "conversation":
      return {
        ...initialState(action.conversationSid, action.recent),
        ...{ pending: state.pending, target: state.target, epoch: state.epoch + 1 },
      };
    case "recent":
      return state.opened ? state : { ...state, messages: action.messages, newest: lastIndex(action.messages) };
    case "wanted":
      return { ...state, sync: "wanted" };
    case "latest":
      return { ...state, following: true, sync: "wanted" };
    case "opening":
      return { ...state, sync: "opening", waiting: [] };
    case "opened":
      return opened(state, action.page, action.unread ?? null);
    case "openFailed":
      return { ...state, sync: "failed", error: action.error, waiting: [] };
    case "refreshed":
      return refreshed(state, action.page);
    case "batch":
      return received(state, action.batch);
    case "olderLoading":
      return { ...state, older: "loading" };
    case "newerLoading":
      return { ...state, newer: "loading", tail: [] };
    case "olderFailed":
      return { ...state, older: "failed" };
    case "newerFailed":
      return { ...state, newer: "failed" };
    case "olderLoaded":
      return olderLoaded(state, action.page, action.before);
    case "newerLoaded":
      return newerLoaded(state, action.page, action.after);
    case "trim":
      return trimmed(state, action.side);
    case "follow":
      return followed(state, action.following);
    case "target":
    case "around":
      return reduceFinding(state, action);
    default:
      return reduceSending(state, action);
  }
}

function opened(state: State, page: OpenPage, unread: Unread | null): State {
  let next: State = {
    ...state,
    sync: "open",
    opened: true,
    unread: state.opened ? state.unread : unread,
    error: null,
    seq: page.seq,
    waiting: [],
    typing: page.typing,
    older: "idle",
    newer: "idle",
    updated: new Map(),
  };
  if (state.following) {
    const there = page.messages.filter((each) => !state.removed.has(each.index));
    const from = page.hasOlder ? (page.messages[0]?.index ?? 0) : Number.NEGATIVE_INFINITY;
    const messages = withTombstones(state, there, from, Number.POSITIVE_INFINITY);
    const newest = Math.max(state.newest, lastIndex(messages));
    next = { ...next, messages, newest, hasOlder: page.hasOlder, hasNewer: false, beyond: 0, epoch: state.epoch + 1 };
    for (const message of messages) if (message.index > state.newest) next = claim(next, message);
  } else {
    // The reader is further up: the window stays where it is, `refreshed` brings its text up to date.
    const unseen = page.messages.filter((each) => !each.own && each.index > state.newest).length;
    const newest = Math.max(state.newest, lastIndex(page.messages));
    next = { ...next, newest, hasNewer: true, beyond: state.beyond + unseen };
  }
  next = settle(next);
  for (const batch of state.waiting) next = received(next, batch);
  return next;
}

/** The same stretch of messages as held, read again. What a batch told since `open` is newer than the page. */
function refreshed(state: State, page: Page): State {
  if (!state.hasNewer) return { ...state, newer: "idle" };
  const there = ofPage(state, page);
  const to = page.more ? lastIndex(there) : Number.POSITIVE_INFINITY;
  const messages = withTombstones(state, there, Number.NEGATIVE_INFINITY, to);
  return withNewer({ ...state, epoch: state.epoch + 1 }, messages, page.more);
}

function received(state: State, batch: Batch): State {
  if (state.sync === "opening") return { ...state, waiting: [...state.waiting, batch] };
  if (state.sync !== "open" || state.seq === null || batch.seq <= state.seq) return state;
  if (batch.seq > state.seq + 1) return { ...state, sync: "wanted" };
  let next: State = { ...state, seq: batch.seq };
  for (const change of batch.changes) next = changed(next, change);
  return settle(next);
}

function changed(state: State, change: Change): State {
  switch (change.type) {
    case "added":
      return added(state, change.message, change.localId);
    case "updated":
      return updated(state, change.message);
    case "removed":
      return removed(state, change.index);
    case "typing":
      return { ...state, typing: change.names };
    case "reset":
      return { ...state, sync: "wanted", removed: new Set() };
  }
}

function added(state: State, message: Message, localId: string | null): State {
  const { index } = message;
  if (state.removed.has(index) || position(state.messages, index) >= 0) return land(state, index, localId);
  const first = state.messages[0];
  if (first && index < first.index && state.hasOlder) return land(state, index, localId); // its page brings it
  const isNew = index > state.newest;
  let next: State = isNew ? { ...state, newest: index } : state;
  if (state.hasNewer) {
    if (isNew && !message.own) next = { ...next, beyond: next.beyond + 1 };
    if (isNew && state.newer === "loading") next = { ...next, tail: [...next.tail, message] };
  } else {
    next = { ...next, messages: inserted(next.messages, state.updated.get(index) ?? message) };
  }
  return localId === null ? claim(next, message) : land(next, index, localId);
}

function updated(state: State, message: Message): State {
  if (state.removed.has(message.index)) return state;
  const known = new Map(state.updated).set(message.index, message);
  const next = { ...state, updated: known.size > REMEMBERED ? new Map([...known].slice(1)) : known };
  const at = position(state.messages, message.index);
  return at < 0 ? next : { ...next, messages: state.messages.with(at, message) };
}

function removed(state: State, index: number): State {
  if (state.removed.has(index)) return state;
  const known = new Set(state.removed).add(index);
  const next = { ...state, removed: known.size > REMEMBERED ? new Set([...known].slice(1)) : known };
  const at = position(state.messages, index);
  const held = state.messages[at];
  if (held) return { ...next, messages: state.messages.with(at, tombstone(held)) };
  const last = lastIndex(state.messages);
  const counted = state.hasNewer && index > Math.max(last, state.seenUpTo) && index <= state.newest;
  return counted ? { ...next, beyond: Math.max(0, state.beyond - 1) } : next;
}

/** What stays of a message that is removed while it is shown: its place, and who had written it. */
const tombstone = (message: Message): Message => ({
  ...message,
  ...{ deleted: true, body: null, subject: null, media: [], texts: [], content: null, reactions: [], delivery: null },
});

/** The messages of a page, with tombstones for those that were shown in its stretch and are not in it any more. */
function withTombstones(state: State, paged: readonly Message[], from: number, to: number): readonly Message[] {
  if (!state.opened) return paged; // what came with the widget's state may be of another day
  const there = new Set(paged.map((each) => each.index));
  const gone = state.messages.filter(({ index }) => index >= from && index <= to && !there.has(index));
  if (gone.length === 0) return paged;
  return [...paged, ...gone.map((each) => (each.deleted ? each : tombstone(each)))].sort((a, b) => a.index - b.index);
}

function olderLoaded(state: State, page: Page, before: number): State {
  if (state.messages[0]?.index !== before) return { ...state, older: "idle" }; // the window was replaced meanwhile
  const fresh = ofPage(state, page).filter((each) => each.index < before);
  if (fresh.length === 0 && page.more) return { ...state, older: "failed" }; // or it would be asked for ever
  return { ...state, older: "idle", hasOlder: page.more, messages: [...fresh, ...state.messages] };
}

function newerLoaded(state: State, page: Page, after: number): State {
  if (!state.hasNewer || lastIndex(state.messages) !== after) return { ...state, newer: "idle" };
  const fresh = ofPage(state, page).filter((each) => each.index > after);
  if (fresh.length === 0 && page.more) return { ...state, newer: "failed" };
  return withNewer(state, [...state.messages, ...fresh], page.more);
}

/** The window after a page at its newest end. */
function withNewer(state: State, paged: readonly Message[], more: boolean): State {
  const last = lastIndex(paged);
  const tail = more ? [] : state.tail.filter((each) => each.index > last && !state.removed.has(each.index));
  const messages = [...paged, ...tail.map((each) => state.updated.get(each.index) ?? each)];
  const found = unseenIn(state, messages) - unseenIn(state, state.messages);
  const beyond = more ? Math.max(0, state.beyond - found) : 0;
  const newest = Math.max(state.newest, lastIndex(messages));
  return settle({ ...state, messages, newest, beyond, newer: "idle", hasNewer: more, tail: [] });
}

const ofPage = (state: State, page: Page): Message[] => asOfNow(state, page.messages);

/** Messages of a page as they are by now. */
export const asOfNow = (state: State, paged: readonly Message[]): Message[] =>
  paged.filter((each) => !state.removed.has(each.index)).map((each) => state.updated.get(each.index) ?? each);

function trimmed(state: State, side: "oldest" | "newest"): State {
  const over = state.messages.length - CAP;
  if (over <= 0) return state;
  if (side === "oldest") return { ...state, messages: state.messages.slice(over), hasOlder: true, older: "idle" };
  const beyond = state.beyond + unseenIn(state, state.messages.slice(CAP));
  return { ...state, messages: state.messages.slice(0, CAP), hasNewer: true, newer: "idle", beyond };
}

export function followed(state: State, following: boolean): State {
  if (following === state.following) return state;
  if (following) return state.hasNewer ? state : { ...state, following, beyond: 0 };
  return { ...state, following, seenUpTo: lastIndex(state.messages) };
}

/** How many messages of others came since the reader scrolled up. */
export const unseenCount = (state: State): number =>
  state.following ? 0 : state.beyond + unseenIn(state, state.messages);

export function unseenIn(state: State, messages: readonly Message[]): number {
  let count = 0;
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at];
    if (!message || message.index <= state.seenUpTo) break;
    if (!message.own && !message.deleted) count += 1;
  }
  return count;
}

const lastIndex = (messages: readonly Message[]): number => messages[messages.length - 1]?.index ?? -1;

/** Where the message with this index is, or the complement (~) of where it belongs. */
function position(messages: readonly Message[], index: number): number {
  let low = 0;
  let high = messages.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = messages[middle]?.index ?? 0;
    if (found === index) return middle;
    if (found < index) low = middle + 1;
    else high = middle - 1;
  }
  return ~low;
}

function inserted(messages: readonly Message[], message: Message): readonly Message[] {
  const at = position(messages, message.index);
  return at >= 0 ? messages : messages.toSpliced(~at, 0, message);
}
