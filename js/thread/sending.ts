/**
 * Own messages on their way: shown at once, and never twice.
 *
 * A row becomes a message by the `local_id` that comes with the change, or by the index in the answer to `send`,
 * whichever arrives first. Where neither has come yet but an own message with the same text has, the row steps aside
 * for it ("claims" it) until the answer tells whether it was right.
 */
import type { Message } from "../shared/model";
import type { State } from "./state";

/** A file that goes with a message; its id is the one that the kernel knows it by. */
export interface Attachment {
  id: string;
  file: File;
}

/** Bytes of a message's files that are with the kernel, and then with the service. */
export interface Upload {
  stage: "kernel" | "service";
  through: number;
  total: number;
}

/** A message of this view that the kernel has not confirmed yet. */
export interface Pending {
  localId: string;
  conversationSid: string;
  body: string;
  date: number;
  files: readonly Attachment[];
  upload: Upload | null;
  /** `waiting` until those before it are through, and kernel and connection are there. */
  status: "waiting" | "sending" | "sent" | "failed";
  error: string | null;
  /** The index from the answer to `send`. */
  index: number | null;
  /** The index of an own message that is taken for this one until the answer tells. */
  claimed: number | null;
  /** The newest index known when it was sent: what is not newer cannot be it. */
  after: number;
}

export type SendingAction =
  | { type: "queued"; localId: string; body: string; date: number; files: readonly Attachment[] }
  | { type: "waiting" | "sending"; localId: string }
  | { type: "upload"; localId: string; upload: Upload }
  | { type: "sent"; localId: string; index: number | null }
  | { type: "sendFailed"; localId: string; error: { type: string; message: string } }
  | { type: "discarded"; localId: string };

/** Own messages on their way: from the composer to the kernel and back. */
export function reduceSending(state: State, action: SendingAction): State {
  const { localId } = action;
  switch (action.type) {
    case "queued": {
      const { conversationSid, newest: after } = state;
      const { body, date, files } = action;
      const fresh = {
        ...{ localId, conversationSid, body, date, files, after, upload: null },
        ...{ status: "waiting" as const, error: null, index: null, claimed: null },
      };
      const pending = [...state.pending.filter((each) => each.localId !== localId), fresh];
      return { ...state, pending, seenUpTo: Number.POSITIVE_INFINITY, beyond: 0 };
    }
    case "waiting":
      return amended(state, localId, { status: "waiting", upload: null, error: null });
    case "sending":
      return amended(state, localId, { status: "sending" });
    case "upload":
      return amended(state, localId, { upload: action.upload });
    case "sent": {
      const index = action.index ?? state.pending.find((each) => each.localId === localId)?.claimed ?? null;
      return settle(amended(unclaimed(state, localId), localId, { status: "sent", index }));
    }
    case "sendFailed": {
      const claimed = state.pending.find((each) => each.localId === localId)?.claimed ?? null;
      // Without an answer, a message that looks like ours is ours: asking to send it again would double it.
      if (action.error.type === "Timeout" && claimed !== null) return land(state, claimed, localId);
      return amended(unclaimed(state, localId), localId, {
        ...{ status: "failed", error: action.error.message, upload: null },
      });
    }
    case "discarded": {
      const next = unclaimed(state, localId);
      return { ...next, pending: next.pending.filter((each) => each.localId !== localId) };
    }
  }
}

const amended = (state: State, localId: string, change: Partial<Pending>): State => ({
  ...state,
  pending: state.pending.map((each) => (each.localId === localId ? { ...each, ...change } : each)),
});

/** Gives back the message that was taken for this row. */
function unclaimed(state: State, localId: string): State {
  const claimed = state.pending.find((each) => each.localId === localId)?.claimed ?? null;
  if (claimed === null) return state;
  const landed = new Map(state.landed);
  landed.delete(claimed);
  return { ...amended(state, localId, { claimed: null }), landed };
}

/** The optimistic row of this view, if it is one of ours, became the message with this index. */
export function land(state: State, index: number, localId: string | null): State {
  if (localId === null || !state.pending.some((each) => each.localId === localId)) return state;
  const next = unclaimed(state, localId);
  return {
    ...next,
    landed: new Map(next.landed).set(index, localId),
    pending: next.pending.filter((each) => each.localId !== localId),
  };
}

/** An own message came without saying whose: the first unanswered row with its text steps aside, so that it is not shown twice. */
export function claim(state: State, message: Message): State {
  if (!message.own || state.pending.length === 0) return state;
  if (state.pending.some((each) => each.claimed === message.index || each.index === message.index)) return state;
  const mine = state.pending.find(
    (each) =>
      (each.status === "sending" || each.status === "waiting") &&
      each.claimed === null &&
      each.conversationSid === state.conversationSid &&
      each.body === (message.body ?? "") &&
      each.files.length === message.media.length &&
      message.index > each.after,
  );
  if (!mine) return state;
  const pending = state.pending.map((each) => (each === mine ? { ...each, claimed: message.index } : each));
  return { ...state, pending, landed: new Map(state.landed).set(message.index, mine.localId) };
}

/** Drops the rows whose message is here, or was here: the answer to `send` may come before it or after it. */
export function settle(state: State): State {
  const arrived = (each: Pending) =>
    each.index !== null &&
    each.conversationSid === state.conversationSid &&
    (state.removed.has(each.index) || each.index <= state.newest);
  const gone = state.pending.filter(arrived);
  if (gone.length === 0) return state;
  const landed = new Map(state.landed);
  for (const each of gone) if (each.index !== null) landed.set(each.index, each.localId);
  return { ...state, landed, pending: state.pending.filter((each) => !arrived(each)) };
}

/** The optimistic rows to show below the messages. */
export const visiblePending = (state: State): readonly Pending[] =>
  state.hasNewer
    ? []
    : state.pending.filter((each) => each.claimed === null && each.conversationSid === state.conversationSid);
