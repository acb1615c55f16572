import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ThreadStore } from "../thread/store";
import { Kernel, settled, wireMessage } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
});
afterEach(() => void vi.useRealTimers());

const bodies = (store: ThreadStore) => store.state.messages.map((each) => each.body);
const wires = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => wireMessage(from + at));

async function opened(traits = {}, messages = wires(1, 3), fields = {}) {
  const kernel = new Kernel(traits);
  const store = new ThreadStore(kernel);
  await kernel.answerOpen(messages, fields);
  return { kernel, store };
}

test("the recent messages are there before any answer", () => {
  const store = new ThreadStore(new Kernel({ _recent: wires(1, 2) }));
  expect(bodies(store)).toEqual(["message 1", "message 2"]);
  expect(store.state.opened).toBe(false);
});

test("a lost batch opens again, once, and what was typed stays", async () => {
  const { kernel, store } = await opened();
  store.outbox.draft = "half a sent";
  kernel.lose();
  kernel.batch({ type: "added", message: wireMessage(5) });
  kernel.batch({ type: "added", message: wireMessage(6) });
  expect(kernel.count("open")).toBe(2);
  await kernel.answerOpen(wires(1, 6));
  expect(bodies(store)).toHaveLength(6);
  expect(store.outbox.draft).toBe("half a sent");
  expect(store.state.sync).toBe("open");
});

test("a batch that follows the answer to open continues it", async () => {
  const { kernel, store } = await opened();
  kernel.batch({ type: "added", message: wireMessage(4) });
  expect(bodies(store)).toHaveLength(4);
  expect(kernel.count("open")).toBe(1);
});

test("without a kernel the recent messages stay and nothing is thrown", async () => {
  const kernel = new Kernel({ _recent: wires(1, 2) });
  kernel.dead = true;
  const store = new ThreadStore(kernel);
  await settled();
  expect(store.state).toMatchObject({ sync: "failed", opened: false, error: { type: "NoKernel" } });
  expect(bodies(store)).toHaveLength(2);
});

test("a kernel that was only busy is found again by whatever it says", async () => {
  const kernel = new Kernel();
  const store = new ThreadStore(kernel);
  vi.advanceTimersByTime(30_000);
  await settled();
  expect(store.state.error?.type).toBe("Timeout");
  await kernel.answerOpen(wires(1, 2)); // too late for the first request
  expect(kernel.count("open")).toBe(2);
  await kernel.answerOpen(wires(1, 2));
  expect(bodies(store)).toHaveLength(2);
});

test("a refusal of the kernel is not asked again with every batch", async () => {
  const kernel = new Kernel();
  const store = new ThreadStore(kernel);
  await kernel.refuse("open", "Forbidden", "You are not in this conversation.");
  kernel.batch({ type: "typing", names: [] });
  expect(kernel.count("open")).toBe(1);
  expect(store.state.error?.message).toBe("You are not in this conversation.");
});

test("one older page is asked for at a time", async () => {
  const { kernel, store } = await opened({}, wires(11, 12), { has_older: true });
  void store.loadOlder();
  void store.loadOlder();
  expect(kernel.count("older")).toBe(1);
  expect(kernel.last("older").params).toEqual({ before: 11, count: 50 });
  await kernel.answer("older", { messages: wires(9, 10), has_older: false });
  expect(store.state.messages.map((each) => each.index)).toEqual([9, 10, 11, 12]);
  void store.loadOlder();
  expect(kernel.count("older")).toBe(1);
});

test("an older page that fails can be asked for again", async () => {
  const { kernel, store } = await opened({}, wires(11, 12), { has_older: true });
  void store.loadOlder();
  await kernel.refuse("older", "ConnectionLost", "gone");
  expect(store.state.older).toBe("failed");
  void store.loadOlder();
  expect(kernel.count("older")).toBe(2);
});

test("rows at the oldest end are announced as such", async () => {
  const { kernel, store } = await opened({}, wires(11, 12), { has_older: true });
  const told: [number, boolean][] = [];
  store.subscribe((shift) => told.push([store.state.messages.length, shift]));
  void store.loadOlder();
  await kernel.answer("older", { messages: wires(9, 10), has_older: false });
  kernel.batch({ type: "added", message: wireMessage(13) });
  expect(told).toEqual([
    [2, false],
    [4, true],
    [5, false],
  ]);
});

test("what is sent appears at once and becomes the message", async () => {
  const { kernel, store } = await opened();
  store.send("hello");
  expect(store.state.pending[0]).toMatchObject({ body: "hello", status: "sending" });
  const { body, local_id } = kernel.last("send").params;
  expect(body).toBe("hello");
  kernel.batch({ type: "added", message: wireMessage(4, { own: true, body: "hello" }), local_id });
  await kernel.answer("send", { index: 4 });
  expect(store.state.pending).toEqual([]);
  expect(bodies(store).filter((each) => each === "hello")).toHaveLength(1);
});

test("of two views of a model only the sender's has the row, and both have the message once", async () => {
  const kernel = new Kernel();
  const [one, two] = [new ThreadStore(kernel), new ThreadStore(kernel)];
  for (const { id } of [...kernel.requests]) {
    kernel.say({ kind: "response", id, ok: true, result: { messages: [], has_older: false, seq: 0, typing: [] } });
  }
  await settled();
  one.send("hello");
  expect([one.state.pending.length, two.state.pending.length]).toEqual([1, 0]);
  const { local_id } = kernel.last("send").params;
  kernel.batch({ type: "added", message: wireMessage(1, { own: true, body: "hello" }), local_id });
  await kernel.answer("send", { index: 1 });
  expect([one, two].map((store) => [bodies(store), store.state.pending.length])).toEqual([
    [["hello"], 0],
    [["hello"], 0],
  ]);
});

test("a message that was refused can be tried again or taken back", async () => {
  const { kernel, store } = await opened();
  store.send("hello");
  await kernel.refuse("send", "Throttled", "Too many messages: wait a second.");
  const localId = store.state.pending[0]?.localId ?? "";
  expect(store.state.pending[0]).toMatchObject({ status: "failed", error: "Too many messages: wait a second." });
  store.outbox.retry(localId);
  expect(kernel.count("send")).toBe(2);
  expect(kernel.last("send").params).toEqual({ body: "hello", local_id: localId, conversation_sid: "CH1" });
  await kernel.refuse("send", "Throttled", "no");
  store.outbox.discard(localId);
  expect(store.state.pending).toEqual([]);
  expect(store.outbox.draft).toBe("hello");
});

test("taking back does not overwrite what is being typed", async () => {
  const { kernel, store } = await opened();
  store.send("old");
  await kernel.refuse("send", "Throttled", "no");
  store.outbox.draft = "new";
  store.outbox.discard(store.state.pending[0]?.localId ?? "");
  expect(store.outbox.draft).toBe("new");
});

test("a send to a dead kernel keeps the text in its row", async () => {
  const { kernel, store } = await opened();
  kernel.dead = true;
  store.send("hello");
  await settled();
  expect(store.state.pending[0]).toMatchObject({ status: "failed", body: "hello" });
});

test("typing is told every three seconds at most, and again after sending", async () => {
  const { kernel, store } = await opened();
  for (let key = 0; key < 20; key++) store.typing();
  expect(kernel.count("typing")).toBe(1);
  vi.advanceTimersByTime(3000);
  store.typing();
  expect(kernel.count("typing")).toBe(2);
  store.send("done");
  store.typing();
  expect(kernel.count("typing")).toBe(3);
});

test("another conversation starts anew and keeps the first one's draft", async () => {
  const { kernel, store } = await opened({ _recent: wires(1, 3) });
  store.outbox.draft = "for the first";
  kernel.set({ conversation_sid: "CH2" });
  expect(bodies(store)).toEqual([]); // the trait still holds the first one's messages
  expect(store.outbox.draft).toBe("");
  expect(kernel.count("open")).toBe(2);
  await kernel.answerOpen([wireMessage(1, { body: "second" })]);
  expect(bodies(store)).toEqual(["second"]);
  kernel.set({ conversation_sid: "CH1" });
  expect(store.outbox.draft).toBe("for the first");
});

test("an answer for the conversation before is not shown in this one", async () => {
  const kernel = new Kernel();
  const store = new ThreadStore(kernel);
  const first = kernel.last("open").id;
  kernel.set({ conversation_sid: "CH2" });
  const result = { messages: wires(1, 3), has_older: false, seq: 0, typing: [] };
  kernel.say({ kind: "response", id: first, ok: true, result });
  await settled();
  expect(bodies(store)).toEqual([]);
});

test("a resync far up reads the held stretch again", async () => {
  const { kernel, store } = await opened({}, wires(1, 60));
  store.follow(false);
  kernel.batch({ type: "reset" });
  await kernel.answerOpen(wires(50, 70));
  expect(kernel.last("newer").params).toEqual({ after: 0, count: 60 });
  await kernel.answer("newer", { messages: wires(2, 60), has_newer: true });
  expect(store.state.messages.slice(0, 2)).toMatchObject([
    { index: 1, deleted: true },
    { index: 2, deleted: false },
  ]);
  expect(store.state.hasNewer).toBe(true);
});

test("a kernel that gives smaller pages than asked for is asked on", async () => {
  const { kernel, store } = await opened({}, wires(1, 60));
  store.follow(false);
  kernel.batch({ type: "reset" });
  await kernel.answerOpen(wires(90, 100));
  await kernel.answer("newer", { messages: wires(1, 40), has_newer: true });
  expect(kernel.last("newer").params).toEqual({ after: 40, count: 20 });
  expect(store.state.messages).toHaveLength(60);
  await kernel.answer("newer", { messages: wires(41, 60), has_newer: true });
  expect(store.state.messages).toHaveLength(60);
  expect(store.state.newer).toBe("idle");
});

test("to the newest message from a window that lost its end", async () => {
  const { kernel, store } = await opened({}, wires(1, 60));
  store.follow(false);
  kernel.batch({ type: "reset" });
  await kernel.answerOpen(wires(50, 70));
  await kernel.answer("newer", { messages: wires(1, 60), has_newer: true });
  store.latest();
  await kernel.answerOpen(wires(21, 70));
  expect(store.state).toMatchObject({ following: true, hasNewer: false });
  expect(store.state.messages.at(-1)?.index).toBe(70);
});

test("closing takes every listener off the model", async () => {
  const { kernel, store } = await opened();
  store.send("on its way");
  store.close();
  await settled();
  expect(kernel.listening).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
