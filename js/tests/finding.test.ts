import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { aroundFrom, beginningFrom, goalFrom, isHeld } from "../thread/finding";
import { countWords } from "../thread/search";
import { unseenCount } from "../thread/state";
import { ThreadStore } from "../thread/store";
import { Kernel, settled, wireMessage } from "./fakes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const wires = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => wireMessage(from + at));
const indexes = (store: ThreadStore) => store.state.messages.map((each) => each.index);

async function opened(from = 91, to = 100, fields: Record<string, unknown> = {}, traits = {}) {
  const kernel = new Kernel(traits);
  const store = new ThreadStore(kernel);
  await kernel.answerOpen(wires(from, to), { has_older: true, ...fields });
  return { kernel, store };
}
const answerAround = (kernel: Kernel, from: number, to: number) =>
  kernel.answer("around", { messages: wires(from, to), has_older: from > 0, has_newer: true });

describe("values from the kernel", () => {
  test.each([
    [
      { id: 1, index: 5 },
      { id: 1, index: 5, query: null },
    ],
    [
      { id: 2, query: "x", found: [1, "y", 3] },
      { id: 2, index: null, query: "x", found: [1, 3], more: false },
    ],
    [{ index: 5 }, null],
    [{ id: 3, query: "" }, null],
    ["nonsense", null],
  ])("a goal %j", (value, goal) => expect(goalFrom(value)).toEqual(goal));

  test("what is unread", () => {
    expect(beginningFrom({ horizon: 4, unread: 2 })).toEqual({
      horizon: 4,
      unread: { after: 4, count: 2 },
      goal: null,
    });
    expect(beginningFrom({ horizon: 4, unread: 0 }).unread).toBeNull();
    expect(beginningFrom({ horizon: null, unread: 3 })).toEqual({ horizon: -1, unread: null, goal: null });
    expect(aroundFrom(null)).toEqual({ messages: [], hasOlder: false });
  });
});

describe("going to a message", () => {
  test("that is loaded asks for nothing", async () => {
    const { kernel, store } = await opened();
    await store.goTo(95);
    expect(kernel.count("around")).toBe(0);
    expect(store.state).toMatchObject({ following: false, target: { index: 95, how: "found" } });
  });

  test("that is not loaded opens the window around it, and new messages count", async () => {
    const { kernel, store } = await opened();
    void store.goTo(50);
    kernel.batch({ type: "added", message: wireMessage(101) });
    await answerAround(kernel, 45, 54);
    expect(indexes(store)).toEqual(wires(45, 54).map((each) => each.index));
    expect(store.state).toMatchObject({ following: false, hasOlder: true, hasNewer: true, target: { index: 50 } });
    kernel.batch({ type: "added", message: wireMessage(102) });
    expect(unseenCount(store.state)).toBe(1);
    expect(isHeld(store.state, 50)).toBe(true);
    expect([44, 55, 102].some((index) => isHeld(store.state, index))).toBe(false);
  });

  test("messages that come while the newest page is on its way are not lost", async () => {
    const { kernel, store } = await opened();
    void store.goTo(50);
    await kernel.answer("around", { messages: wires(45, 102), has_older: true, has_newer: false });
    kernel.batch({ type: "added", message: wireMessage(103) });
    void store.loadNewer();
    kernel.batch({ type: "added", message: wireMessage(104) });
    await kernel.answer("newer", { messages: wires(103, 103), has_newer: false });
    expect(indexes(store).slice(-2)).toEqual([103, 104]);
    expect(store.state.hasNewer).toBe(false);
  });

  test("the last wish counts, and a failure is told", async () => {
    const { kernel, store } = await opened();
    const first = store.goTo(10);
    const firstAsked = kernel.last("around");
    void store.goTo(50);
    await answerAround(kernel, 45, 54);
    kernel.say({ kind: "response", id: firstAsked.id, ok: true, result: { messages: wires(5, 14) } });
    await first;
    expect(indexes(store)[0]).toBe(45);
    const failing = store.goTo(1);
    await kernel.refuse("around", "TransportError", "gone");
    expect(await failing).toBe(false);
  });

  test("where Python says, once, also when the view opens later", async () => {
    const { kernel, store } = await opened(91, 100, { goal: { id: 3, index: 97 } });
    expect(store.state.target?.index).toBe(97);
    kernel.say({ kind: "goal", id: 3, index: 92 });
    expect(store.state.target?.index).toBe(97);
    kernel.say({ kind: "goal", id: 4, index: 92 });
    await settled();
    expect(store.state.target).toMatchObject({ index: 92, id: 2 });
  });
});

test("the unread line stays where it was when the view was opened", async () => {
  const { kernel, store } = await opened(91, 100, { horizon: 97, unread: 3 });
  expect(store.state.unread).toEqual({ after: 97, count: 3 });
  kernel.batch({ type: "reset" });
  await kernel.answerOpen(wires(91, 101), { horizon: 101, unread: 0 });
  expect(store.state.unread).toEqual({ after: 97, count: 3 });
});

describe("marking as read", () => {
  test("says what is new, forward only, and again what was lost", async () => {
    const { kernel, store } = await opened(91, 100, { horizon: 95, unread: 5 });
    store.saw(94);
    expect(kernel.count("read")).toBe(0);
    store.saw(98);
    store.saw(97);
    expect(kernel.requests.filter((each) => each.method === "read").map((each) => each.params)).toEqual([
      { index: 98, conversation_sid: "CH1" },
    ]);
    await kernel.refuse("read", "TransportError", "gone");
    store.saw(98);
    await kernel.answer("read", null);
    expect(kernel.count("read")).toBe(2);
    expect(store.hasUnread).toBe(true);
    store.saw(100);
    expect(store.hasUnread).toBe(false);
  });

  test.each([[{ mark_read: false }], [{ read_only: true }]])("not with %j", async (traits) => {
    const { kernel, store } = await opened(91, 100, { horizon: 95 }, traits);
    store.saw(99);
    expect(kernel.count("read")).toBe(0);
  });
});

test("a message is selected and not any more", async () => {
  const { kernel, store } = await opened(1, 3, {}, { selected: ["IM1"] });
  store.toggle("IM2");
  expect([kernel.traits.selected, kernel.saved]).toEqual([["IM1", "IM2"], 1]);
  store.toggle("IM1");
  expect(store.traits.selected).toEqual(["IM2"]);
});

describe("searching", () => {
  const typed = async (store: ThreadStore, query: string) => {
    store.search.show();
    store.search.want(query);
    vi.advanceTimersByTime(300);
    await settled();
  };
  const step = (kernel: Kernel, found: number[], before: number | null) => kernel.answer("search", { found, before });

  test("loaded messages first, then older ones step by step", async () => {
    const { kernel, store } = await opened();
    await typed(store, " MESSAGE 9");
    const { search } = store;
    expect(kernel.last("search").params).toEqual({ query: "MESSAGE 9", before: 91 });
    expect([search.position, search.matches.length]).toEqual([1, 9]);
    expect(store.state.target?.index).toBe(99);
    await step(kernel, [9, 40], 30);
    expect(kernel.last("search").params).toEqual({ query: "MESSAGE 9", before: 30 });
    await step(kernel, [], null);
    expect([search.progress, search.matches.slice(-2)]).toEqual(["done", [40, 9]]);
    search.step("newer");
    expect(search.current).toBe(9);
    await answerAround(kernel, 5, 14);
    expect(store.state.target?.index).toBe(9);
    search.step("older");
    expect(search.position).toBe(1);
  });

  test("the first match of the kernel is shown where none is loaded", async () => {
    const { kernel, store } = await opened();
    await typed(store, "elsewhere");
    await step(kernel, [20, 33], null);
    expect(kernel.last("around").params.index).toBe(33);
  });

  test("a new query ends the last one, and closing ends both", async () => {
    const { kernel, store } = await opened();
    await typed(store, "one");
    const { id } = kernel.last("search");
    await typed(store, "two");
    kernel.say({ kind: "response", id, ok: true, result: { found: [1], before: 1 } });
    await settled();
    expect(store.search.matches).toEqual([]);
    store.search.hide();
    await step(kernel, [2], 1);
    expect(kernel.count("search")).toBe(2);
    expect(store.search.needle).toBe("");
  });

  test("is stopped and goes on, and tells that it failed", async () => {
    const { kernel, store } = await opened();
    await typed(store, "one");
    store.search.stop();
    await step(kernel, [2], 60);
    expect(store.search.progress).toBe("paused");
    store.search.goOn();
    await kernel.refuse("search", "TransportError", "gone");
    expect(store.search.progress).toBe("failed");
    store.search.goOn();
    await step(kernel, [3], null);
    expect([store.search.progress, store.search.matches]).toEqual(["done", [3]]);
  });

  test("rests when it has found enough", async () => {
    const { kernel, store } = await opened(9991, 10_000);
    await typed(store, "one");
    await step(kernel, [...Array(600).keys()], 9000);
    expect(store.search.progress).toBe("paused");
  });

  test("where everything is loaded the kernel is not asked; new and edited messages count at once", async () => {
    const { kernel, store } = await opened(1, 3, { has_older: false });
    await typed(store, "message");
    expect(kernel.count("search")).toBe(0);
    expect(store.search.progress).toBe("done");
    kernel.batch(
      { type: "added", message: wireMessage(4) },
      { type: "updated", message: wireMessage(2, { body: "" }) },
    );
    expect(store.search.matches).toEqual([4, 3, 1]);
    expect(store.search.position).toBe(2);
  });

  test("what Python has found is shown, without the focus", async () => {
    const { kernel, store } = await opened();
    kernel.say({ kind: "goal", id: 1, query: "refund", found: [3, 50], more: true });
    const messages = [...wires(45, 49), wireMessage(50, { body: "A Refúnd" })];
    await kernel.answer("around", { messages, has_older: true });
    const { isOpen, isAsked, query, progress, matches, hasMore } = store.search;
    expect({ isOpen, isAsked, query, progress, matches, hasMore }).toEqual({
      ...{ isOpen: true, isAsked: false, query: "refund", progress: "done", matches: [50, 3], hasMore: true },
    });
    expect(store.state.target?.index).toBe(50);
  });

  test("another conversation ends it", async () => {
    const { kernel, store } = await opened();
    await typed(store, "one");
    kernel.set({ conversation_sid: "CH2" });
    expect(store.search.isOpen).toBe(false);
  });

  test.each([
    ["", 0, 0, false, "done", ""],
    ["x", 2, 17, false, "done", "2 of 17"],
    ["x", 1, 500, false, "paused", "1 of 500+"],
    ["x", 1, 5000, true, "done", "1 of 5,000+"],
    ["x", 0, 0, false, "done", "No matches"],
    ["x", 0, 0, false, "searching", "Searching…"],
    ["x", 0, 0, false, "failed", "The search failed"],
  ] as const)("says %s %i %i %s %s", (query, position, count, hasMore, progress, words) => {
    expect(countWords(query, position, count, hasMore, progress)).toBe(words);
  });
});
