/** Going to a message that may not be loaded: what the kernel tells about it, and what it does to the window. */
import { type Message, messagesFrom } from "../shared/model";
import { finite, listOf, text, wire } from "../shared/values";
import { asOfNow, followed, type State, unseenIn } from "./state";

/** Where the reader's unread messages began when the view was opened: it stays there. */
export interface Unread {
  /** The index that was read last. */
  after: number;
  count: number;
}

/** A message that the view is to show: the one with this index, or the next one. Each has another id. */
export interface Target {
  index: number;
  id: number;
  how: "found" | "unread";
}

/** Where Python sends the views: to a message, or to what it has searched for and found. */
export type Goal = { id: number } & (
  | { index: number; query: null }
  | { index: null; query: string; found: readonly number[]; more: boolean }
);

export interface Beginning {
  horizon: number;
  unread: Unread | null;
  goal: Goal | null;
}

/** The messages on both sides of one. */
export interface Around {
  messages: readonly Message[];
  hasOlder: boolean;
}

/** One step of a search: what was found, and before which index the next one begins; null when all was read. */
export interface Step {
  found: number[];
  before: number | null;
}

export type FindingAction = { type: "around"; around: Around } | { type: "target"; index: number; how: Target["how"] };

const indexesFrom = (value: unknown): number[] => listOf(value, finite);

export function goalFrom(value: unknown): Goal | null {
  const { id: given, index: place, query, found, more } = wire(value);
  const id = finite(given);
  const index = finite(place);
  if (id === null) return null;
  if (index !== null) return { id, index, query: null };
  return text(query) ? { id, index: null, query: text(query), found: indexesFrom(found), more: more === true } : null;
}

export function beginningFrom(value: unknown): Beginning {
  const fields = wire(value);
  const horizon = finite(fields.horizon);
  const count = finite(fields.unread) ?? 0;
  const unread = horizon !== null && count > 0 ? { after: horizon, count } : null;
  return { horizon: horizon ?? -1, unread, goal: goalFrom(fields.goal) };
}

export function aroundFrom(value: unknown): Around {
  const fields = wire(value);
  return { messages: messagesFrom(fields.messages), hasOlder: fields.has_older === true };
}

export function stepFrom(value: unknown): Step {
  const fields = wire(value);
  return { found: indexesFrom(fields.found), before: finite(fields.before) };
}

export function reduceFinding(state: State, action: FindingAction): State {
  switch (action.type) {
    case "target": {
      const target = { index: action.index, how: action.how, id: (state.target?.id ?? 0) + 1 };
      return { ...followed(state, false), target };
    }
    case "around":
      return arrived(state, action.around);
  }
}

/**
 * Another stretch of the conversation replaces the window. That there is nothing newer is left to the next newer page to
 * tell, which knows of what came meanwhile.
 */
function arrived(before: State, around: Around): State {
  const state = followed(before, false);
  const messages = asOfNow(state, around.messages);
  const beyond = Math.max(0, state.beyond + unseenIn(state, state.messages) - unseenIn(state, messages));
  return {
    ...state,
    ...{ messages, beyond, hasOlder: around.hasOlder, hasNewer: true, older: "idle", newer: "idle", tail: [] },
    epoch: state.epoch + 1,
  };
}

/** Whether the place of this index is in the window. */
export function isHeld(state: State, index: number): boolean {
  const first = state.messages[0];
  const last = state.messages[state.messages.length - 1];
  if (!first || !last) return false;
  return (index >= first.index || !state.hasOlder) && (index <= last.index || !state.hasNewer);
}
