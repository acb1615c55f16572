import { describe, expect, test } from "vitest";
import type { Batch, Change, Message } from "../shared/model";
import { visiblePending } from "../thread/sending";
import { type Action, CAP, initialState, reduce, SLACK, type State, unseenCount } from "../thread/state";
import { message } from "./fakes";

const run = (state: State, ...actions: Action[]): State => actions.reduce(reduce, state);
const indexes = (state: State) => state.messages.filter((each) => !each.deleted).map((each) => each.index);
const tombstones = (state: State) => state.messages.filter((each) => each.deleted).map((each) => each.index);
const batch = (seq: number, ...changes: Change[]): Action => ({ type: "batch", batch: { seq, changes } as Batch });
const add = (index: number, fields: Partial<Message> = {}, localId: string | null = null): Change => ({
  ...{ type: "added", message: message(index, fields), localId },
});
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => message(from + at));

function open(messages: Message[] = range(1, 3), hasOlder = false, seq = 0): State {
  const page = { messages, hasOlder, seq, typing: [] };
  return run(initialState("CH1", []), { type: "opening" }, { type: "opened", page });
}

/** All orders of a few things. */
function orders<T>(things: T[]): T[][] {
  if (things.length < 2) return [things];
  return things.flatMap((thing, at) => orders(things.toSpliced(at, 1)).map((rest) => [thing, ...rest]));
}

describe("changes converge", () => {
  const changes: Change[] = [
    add(4),
    { type: "updated", message: message(4, { body: "edited", edited: true }) },
    add(6),
    { type: "removed", index: 5, sid: "IM5" },
    add(5),
  ];

  test.each(orders(changes).map((order) => [order]))("in any order, each twice", (order) => {
    let state = open();
    let seq = 0;
    for (const change of order) {
      for (let time = 0; time < 2; time++) {
        seq += 1;
        state = reduce(state, batch(seq, change));
      }
    }
    expect(indexes(state)).toEqual([1, 2, 3, 4, 6]);
    expect(state.messages[3]?.body).toBe("edited");
  });

  test("what is removed while it is shown leaves a tombstone without its text", () => {
    const state = run(open(), batch(1, { type: "removed", index: 2, sid: "IM2" }, add(2)));
    expect([indexes(state), tombstones(state)]).toEqual([[1, 3], [2]]);
    expect(state.messages[1]).toMatchObject({ author: "marta", body: null, media: [] });
  });

  test("what was removed while the connection was gone leaves one too, older than the page or not", () => {
    const page = { messages: range(3, 4), hasOlder: false, seq: 9, typing: [] };
    const again = (state: State, hasOlder: boolean) =>
      run(state, { type: "wanted" }, { type: "opening" }, { type: "opened", page: { ...page, hasOlder } });
    expect(tombstones(again(open(range(1, 5)), false))).toEqual([1, 2, 5]);
    expect(tombstones(again(open(range(1, 5)), true))).toEqual([5]); // older ones are loaded again
    expect(tombstones(again(again(open(range(1, 5)), false), false))).toEqual([1, 2, 5]);
  });

  test("after a reload there are none", () => {
    const page = { messages: range(3, 4), hasOlder: false, seq: 9, typing: [] };
    const state = run(initialState("CH1", range(1, 5)), { type: "opening" }, { type: "opened", page });
    expect(state.messages.map((each) => each.index)).toEqual([3, 4]);
  });

  test("a late page brings neither a removed message nor an old text", () => {
    const state = run(
      open(range(11, 12), true),
      batch(1, { type: "removed", index: 4, sid: "IM4" }, { type: "updated", message: message(5, { body: "new" }) }),
      { type: "olderLoaded", before: 11, page: { messages: range(3, 6), more: false } },
    );
    expect(indexes(state)).toEqual([3, 5, 6, 11, 12]);
    expect(state.messages[1]?.body).toBe("new");
  });

  test("messages below a window that begins later come with their page only", () => {
    expect(indexes(run(open(range(11, 12), true), batch(1, add(4))))).toEqual([11, 12]);
  });
});

describe("batches in order", () => {
  test("a repeated batch changes nothing", () => {
    const state = run(open(), batch(1, add(4)));
    expect(run(state, batch(1, { type: "removed", index: 1, sid: "IM1" }))).toBe(state);
  });

  test("a gap asks for a new open and holds what it has", () => {
    const state = run(open(), batch(1, add(4)), batch(3, add(6)));
    expect(state.sync).toBe("wanted");
    expect(indexes(state)).toEqual([1, 2, 3, 4]);
  });

  test("batches that overtake the answer to open are applied after it, older ones are not", () => {
    const opening = run(open(), { type: "wanted" }, { type: "opening" });
    const waiting = run(opening, batch(5, { type: "removed", index: 1, sid: "IM1" }), batch(6, add(9)));
    const page = { messages: range(1, 8), hasOlder: true, seq: 5, typing: [] };
    const state = run(waiting, { type: "opened", page });
    expect(indexes(state)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(state).toMatchObject({ seq: 6, sync: "open", waiting: [] });
  });

  test("reset asks for a new open", () => {
    expect(run(open(), batch(1, { type: "reset" })).sync).toBe("wanted");
  });

  test("nothing is believed before the first open", () => {
    expect(indexes(run(initialState("CH1", range(1, 2)), batch(1, add(3))))).toEqual([1, 2]);
  });

  test("typing is the latest list of names", () => {
    const state = run(open(), batch(1, { type: "typing", names: ["Marta"] }), batch(2, { type: "typing", names: [] }));
    expect(state.typing).toEqual([]);
  });
});

describe("an own message is shown once", () => {
  const sending: Action = { type: "queued", localId: "a", body: "hi", date: 0, files: [] };
  const own = { own: true, author: "dana", body: "hi" };
  const shown = (state: State) => [
    ...state.messages.filter((each) => each.body === "hi").map((each) => each.index),
    ...visiblePending(state).map((each) => each.localId),
  ];
  const answered: Action = { type: "sent", localId: "a", index: 4 };

  test("the change comes first", () => {
    const after = run(open(), sending, batch(1, add(4, own, "a")));
    expect(shown(after)).toEqual([4]);
    expect(shown(run(after, answered))).toEqual([4]);
    expect(run(after, answered).pending).toEqual([]);
  });

  test("the answer comes first", () => {
    const after = run(open(), sending, answered);
    expect(shown(after)).toEqual(["a"]);
    expect(shown(run(after, batch(1, add(4, own, "a"))))).toEqual([4]);
    expect(shown(run(after, batch(1, add(4, own))))).toEqual([4]);
  });

  test("the change does not say whose it is", () => {
    const after = run(open(), sending, batch(1, add(4, own)));
    expect(shown(after)).toEqual([4]);
    expect(run(after, answered).pending).toEqual([]);
  });

  test("the same text came from another device: the row comes back for its own index", () => {
    const after = run(open(), sending, batch(1, add(4, own)), { type: "sent", localId: "a", index: 5 });
    expect(shown(after)).toEqual([4, "a"]);
    const both = run(after, batch(2, add(5, own, "a")));
    expect(shown(both)).toEqual([4, 5]);
    expect([...both.landed]).toEqual([[5, "a"]]);
  });

  test("the same text came from another device and ours failed", () => {
    const error = { type: "Forbidden", message: "no" };
    const after = run(open(), sending, batch(1, add(4, own)), { type: "sendFailed", localId: "a", error });
    expect(shown(after)).toEqual([4, "a"]);
    expect(after.landed.size).toBe(0);
  });

  test("the answer is lost but the message is there", () => {
    const error = { type: "Timeout", message: "silence" };
    const after = run(open(), sending, batch(1, add(4, own)), { type: "sendFailed", localId: "a", error });
    expect(shown(after)).toEqual([4]);
    expect(after.pending).toEqual([]);
  });

  test("it failed here and arrives after all", () => {
    const error = { type: "Timeout", message: "silence" };
    const failed = run(open(), sending, { type: "sendFailed", localId: "a", error });
    expect(visiblePending(failed)[0]).toMatchObject({ status: "failed", error: "silence" });
    expect(shown(run(failed, batch(1, add(4, own, "a"))))).toEqual([4]);
  });

  test("a resync in between brings it", () => {
    const page = { messages: [...range(1, 3), message(4, own)], hasOlder: false, seq: 9, typing: [] };
    const after = run(open(), sending, { type: "opening" }, { type: "opened", page });
    expect(shown(after)).toEqual([4]);
    expect(run(after, answered).pending).toEqual([]);
  });

  test("it was removed before it was seen", () => {
    const after = run(open(), sending, batch(1, { type: "removed", index: 4, sid: "IM4" }), answered);
    expect(shown(after)).toEqual([]);
  });

  test("two with the same text stay two", () => {
    const twice = run(open(), sending, { ...sending, localId: "b" } as Action);
    const one = run(twice, batch(1, add(4, own)));
    expect(shown(one)).toEqual([4, "b"]);
    expect(shown(run(one, batch(2, add(5, own))))).toEqual([4, 5]);
  });

  test("another view of the model only gets the message", () => {
    const after = run(open(), { ...sending, localId: "mine" } as Action, batch(1, add(4, own, "theirs")));
    expect(shown(after)).toEqual([4, "mine"]);
  });

  test("it keeps its row when it becomes the message", () => {
    expect(run(open(), sending, answered, batch(1, add(4, own))).landed.get(4)).toBe("a");
  });

  test("retry sends the same row again, discard takes it away", () => {
    const error = { type: "Forbidden", message: "no" };
    const failed = run(open(), sending, { type: "sendFailed", localId: "a", error });
    const again = run(failed, sending);
    expect(again.pending).toHaveLength(1);
    expect(again.pending[0]).toMatchObject({ status: "waiting", error: null });
    expect(run(failed, { type: "discarded", localId: "a" }).pending).toEqual([]);
  });

  test("it waits in its conversation while another one is shown", () => {
    const other = run(open(), sending, { type: "conversation", conversationSid: "CH2", recent: [] });
    expect(visiblePending(other)).toEqual([]);
    expect(shown(run(other, { type: "conversation", conversationSid: "CH1", recent: [] }))).toEqual(["a"]);
  });
});

describe("the window", () => {
  const scrolled = (state: State) => run(state, { type: "follow", following: false });

  test("older pages over the cap drop the newest end", () => {
    const state = run(
      scrolled(open(range(1001, 1000 + CAP), true)),
      { type: "olderLoaded", before: 1001, page: { messages: range(951, 1000), more: true } },
      { type: "trim", side: "newest" },
    );
    expect(state.messages).toHaveLength(CAP);
    expect([indexes(state)[0], indexes(state).at(-1)]).toEqual([951, 950 + CAP]);
    expect(state.hasNewer).toBe(true);
  });

  test("following over the cap drops the oldest end", () => {
    const state = run(open(range(1, CAP + SLACK)), { type: "trim", side: "oldest" });
    expect(state.messages).toHaveLength(CAP);
    expect(state).toMatchObject({ hasOlder: true, hasNewer: false });
  });

  test("a page for a window that is gone changes nothing", () => {
    const state = open(range(5, 8), true);
    const late: Action = { type: "olderLoaded", before: 20, page: { messages: range(10, 19), more: true } };
    expect(indexes(run(state, late))).toEqual([5, 6, 7, 8]);
  });

  test("a page that brings nothing but promises more does not load for ever", () => {
    const empty: Action = { type: "olderLoaded", before: 5, page: { messages: [], more: true } };
    expect(run(open(range(5, 8), true), empty).older).toBe("failed");
  });

  test("messages behind a dropped end are counted, each once", () => {
    const cut = run(scrolled(open(range(1, CAP + 1))), { type: "trim", side: "newest" });
    const state = run(cut, batch(1, add(3001), add(3001), add(3002, { own: true })), batch(2, add(3003)));
    expect(indexes(state).at(-1)).toBe(CAP);
    expect(unseenCount(state)).toBe(2);
    expect(unseenCount(run(state, batch(3, { type: "removed", index: 3003, sid: "IM3003" })))).toBe(1);
  });

  test("newer pages lead back to the end, and what came meanwhile is not lost", () => {
    const cut = run(scrolled(open(range(1, CAP + 2))), { type: "trim", side: "newest" });
    const loading = run(cut, { type: "newerLoading" }, batch(1, add(CAP + 3)));
    const page = { messages: range(CAP + 1, CAP + 2), more: false };
    const state = run(loading, { type: "newerLoaded", after: CAP, page });
    expect(indexes(state).slice(-3)).toEqual([CAP + 1, CAP + 2, CAP + 3]);
    expect(state).toMatchObject({ hasNewer: false, newer: "idle", beyond: 0 });
    expect(unseenCount(state)).toBe(1);
  });

  test("a resync leaves a reader further up where they are and reads their stretch again", () => {
    const before = scrolled(open(range(1, 9)));
    const page = { messages: range(60, 70), hasOlder: true, seq: 40, typing: [] };
    const resynced = run(before, { type: "opening" }, { type: "opened", page });
    expect(indexes(resynced)).toEqual(indexes(before));
    expect(resynced.hasNewer).toBe(true);
    expect(unseenCount(resynced)).toBe(11);
    const again = { messages: [message(1, { body: "edited" }), ...range(3, 9)], more: true };
    const state = run(resynced, batch(41, { type: "updated", message: message(5, { body: "newest" }) }), {
      type: "refreshed",
      page: again,
    });
    expect(indexes(state)).toEqual([1, 3, 4, 5, 6, 7, 8, 9]);
    expect([state.messages[0]?.body, state.messages[4]?.body]).toEqual(["edited", "newest"]);
    expect(tombstones(state)).toEqual([2]);
    expect(unseenCount(state)).toBe(11);
  });

  test("unseen are the others' messages since the reader scrolled up", () => {
    const state = run(scrolled(open()), batch(1, add(4), add(5, { own: true }), add(6)));
    expect(unseenCount(state)).toBe(2);
    expect(unseenCount(run(state, batch(2, { type: "removed", index: 6, sid: "IM6" })))).toBe(1);
    expect(unseenCount(run(state, { type: "follow", following: true }))).toBe(0);
  });

  test("nobody follows an end that is not loaded", () => {
    const cut = run(scrolled(open(range(1, CAP + 1))), { type: "trim", side: "newest" });
    expect(run(cut, { type: "follow", following: true }).following).toBe(false);
    expect(run(cut, { type: "latest" })).toMatchObject({ following: true, sync: "wanted" });
  });

  test("recent messages of the trait are for before the first open", () => {
    const recent: Action = { type: "recent", messages: range(1, 9) };
    expect(indexes(run(initialState("CH1", []), recent))).toHaveLength(9);
    expect(indexes(run(open(), recent))).toEqual([1, 2, 3]);
  });
});
