import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Drafts } from "../thread/drafts";
import { CHUNK } from "../thread/outbox";
import type { Attachment } from "../thread/sending";
import { ThreadStore } from "../thread/store";
import { Kernel, wireMessage } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
});
afterEach(() => void vi.useRealTimers());

async function opened(traits = {}) {
  const kernel = new Kernel(traits);
  const store = new ThreadStore(kernel);
  await kernel.answerOpen([wireMessage(1)]);
  return { kernel, store };
}

const rows = (store: ThreadStore) => store.state.pending.map((each) => `${each.body} ${each.status}`);
const first = (store: ThreadStore) => store.state.pending[0]?.localId ?? "";
const attachment = (id: string, size: number): Attachment => ({
  id,
  file: new File([new Uint8Array(size)], `${id}.bin`),
});
/** Reading a file takes turns of its own. */
const read = async () => {
  for (let turn = 0; turn < 20; turn++) await vi.advanceTimersByTimeAsync(0);
};

test("messages go out one after the other, in order", async () => {
  const { kernel, store } = await opened();
  for (const body of ["one", "two", "three"]) store.send(body);
  expect(rows(store)).toEqual(["one sending", "two waiting", "three waiting"]);
  await kernel.answer("send", { index: 2 });
  await kernel.refuse("send", "Forbidden", "not this one");
  expect(kernel.requests.filter((each) => each.method === "send").map((each) => each.params.body)).toEqual([
    ...["one", "two", "three"],
  ]);
  expect(store.state.pending.find((each) => each.body === "two")).toMatchObject({
    status: "failed",
    error: "not this one",
  });
});

test("while the connection is away they wait, and go by themselves when it is back", async () => {
  const { kernel, store } = await opened();
  kernel.set({ _connection: "connecting" });
  store.send("one");
  store.send("two");
  expect(kernel.count("send")).toBe(0);
  expect(rows(store)).toEqual(["one waiting", "two waiting"]);
  kernel.set({ _connection: "connected" });
  expect(kernel.count("send")).toBe(1);
  await kernel.answer("send", { index: 2 });
  await kernel.answer("send", { index: 3 });
  expect(kernel.requests.filter((each) => each.method === "send").map((each) => each.params.body)).toEqual([
    "one",
    "two",
  ]);
});

test("a send that the connection took with it is asked for again, with the same id", async () => {
  const { kernel, store } = await opened();
  store.send("once");
  const id = kernel.last("send").params.local_id;
  kernel.set({ _connection: "connecting" });
  await kernel.refuse("send", "ConnectionLost", "It may have happened all the same.");
  expect(rows(store)).toEqual(["once waiting"]);
  kernel.set({ _connection: "connected" });
  expect(kernel.count("send")).toBe(2);
  expect(kernel.last("send").params.local_id).toBe(id);
});

test("a silent kernel is waited for, and a busy one asked again", async () => {
  const { kernel, store } = await opened();
  await vi.advanceTimersByTimeAsync(12_000);
  expect(store.comm.pulse).toBe("silent");
  store.send("late");
  expect(kernel.count("send")).toBe(0);
  kernel.say({ kind: "beat" });
  expect(kernel.count("send")).toBe(1);
  const { local_id } = kernel.last("send").params;
  for (let second = 0; second < 31; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    kernel.say({ kind: "beat" });
  }
  expect(kernel.count("send")).toBe(2);
  expect(kernel.last("send").params.local_id).toBe(local_id);
  await kernel.answer("send", { index: 2 });
  kernel.batch({ type: "added", message: wireMessage(2, { own: true, body: "late" }) });
  expect(store.state.pending).toEqual([]);
});

test("files go in chunks, from where the kernel wants them, and then the message", async () => {
  const { kernel, store } = await opened();
  store.send("", [attachment("a", CHUNK + 5), attachment("b", 3)]);
  const id = first(store);
  expect(kernel.last("send").params).toEqual({
    ...{ body: "", local_id: id, conversation_sid: "CH1" },
    files: [
      { id: "a", name: "a.bin", type: "", size: CHUNK + 5 },
      { id: "b", name: "b.bin", type: "", size: 3 },
    ],
  });
  await kernel.answer("send", {
    missing: [
      { id: "a", offset: 2 },
      { id: "b", offset: 0 },
    ],
  });
  await read();
  expect(kernel.last("upload")).toMatchObject({ params: { local_id: id, id: "a", offset: 2 } });
  expect(kernel.last("upload").buffers?.[0]?.byteLength).toBe(CHUNK);
  expect(store.state.pending[0]?.upload).toEqual({ stage: "kernel", through: 2, total: CHUNK + 8 });
  await kernel.answer("upload", { offset: CHUNK + 2 });
  await read();
  expect(kernel.last("upload").buffers?.[0]?.byteLength).toBe(3);
  await kernel.answer("upload", { offset: CHUNK + 5 });
  await read();
  expect(kernel.last("upload").params).toMatchObject({ id: "b", offset: 0 });
  await kernel.answer("upload", { offset: 3 });
  await read();
  expect(kernel.count("send")).toBe(2);
  kernel.say({ kind: "progress", local_id: id, through: 5, total: CHUNK + 8 });
  expect(store.state.pending[0]?.upload).toEqual({ stage: "service", through: 5, total: CHUNK + 8 });
  kernel.say({ kind: "progress", local_id: "another view's", through: 1, total: 2 });
  await kernel.answer("send", { index: 1 });
  expect(store.state.pending).toEqual([]);
});

test("a cancelled upload ends, and text and files are in the composer again", async () => {
  const { kernel, store } = await opened();
  store.outbox.draft = "written meanwhile";
  store.send("look", [attachment("a", 5)]);
  await kernel.answer("send", { missing: [{ id: "a", offset: 0 }] });
  await read();
  void store.outbox.cancel(first(store));
  await kernel.answer("upload", { offset: 5 });
  await read();
  await kernel.answer("cancel", { cancelled: true });
  await read();
  expect(store.state.pending).toEqual([]);
  expect(kernel.count("send")).toBe(1);
  expect(store.outbox.draft).toBe("look\nwritten meanwhile");
  expect(store.outbox.files.map((each) => each.id)).toEqual(["a"]);
});

test("what the kernel has sent already cannot be cancelled", async () => {
  const { kernel, store } = await opened();
  store.send("", [attachment("a", 5)]);
  void store.outbox.cancel(first(store));
  await kernel.answer("cancel", { cancelled: false });
  expect(store.state.pending).toHaveLength(1);
  expect(store.outbox.files).toEqual([]);
});

test("a message that waits is taken back without a word to the kernel", async () => {
  const { kernel, store } = await opened({ _connection: "connecting" });
  store.send("not yet");
  await store.outbox.cancel(first(store));
  expect(kernel.count("cancel")).toBe(0);
  expect(rows(store)).toEqual([]);
  expect(store.outbox.draft).toBe("not yet");
});

test("a failure keeps text and files, for Retry and for Discard", async () => {
  const { kernel, store } = await opened();
  store.send("look", [attachment("a", 5)]);
  await kernel.refuse("send", "Forbidden", "no");
  expect(store.state.pending[0]).toMatchObject({ status: "failed", body: "look", files: [{ id: "a" }] });
  store.outbox.retry(first(store));
  expect(kernel.count("send")).toBe(2);
  await kernel.refuse("send", "Forbidden", "no");
  store.outbox.discard(first(store));
  expect([store.outbox.draft, store.outbox.files.length]).toEqual(["look", 1]);
});

test("drafts and files stay with their conversation", async () => {
  const { kernel, store } = await opened();
  store.outbox.draft = "for one";
  store.outbox.files = [attachment("a", 1)];
  kernel.set({ conversation_sid: "CH2" });
  expect([store.outbox.draft, store.outbox.files.length]).toEqual(["", 0]);
  kernel.set({ conversation_sid: "CH1" });
  expect([store.outbox.draft, store.outbox.files.length]).toEqual(["for one", 1]);
});

test("what was not sent is a draft again in the next view, once", async () => {
  const { kernel, store } = await opened();
  store.outbox.draft = "half";
  store.send("sent");
  await kernel.answer("send", { index: 2 });
  store.send("under way");
  store.send("waits");
  store.close();
  const next = await opened();
  expect(next.store.outbox.draft).toBe("half");
  const [sent, waits] = next.kernel.last("unsent").params.local_ids as string[];
  expect(sent).toBe(kernel.last("send").params.local_id);
  await next.kernel.answer("unsent", [waits]);
  expect(next.store.outbox.draft).toBe("waits\nhalf");
  next.store.close();
  const last = await opened();
  expect(last.kernel.count("unsent")).toBe(0);
  expect(last.store.outbox.draft).toBe("waits\nhalf");
});

test("another view of the page does not take what a view is sending", async () => {
  const { store } = await opened();
  store.send("mine");
  const other = await opened();
  expect(other.kernel.count("unsent")).toBe(0);
});

test("people who share a tab do not see each other's drafts", async () => {
  const { store } = await opened({ _writing: { identity: "alice" } });
  store.outbox.draft = "secret";
  const other = await opened({ _writing: { identity: "bob" } });
  expect(other.store.outbox.draft).toBe("");
});

test("without storage a draft lives as long as its view", () => {
  const forbidden = new Proxy({} as Storage, {
    get: () => {
      throw new Error("forbidden");
    },
  });
  for (const storage of [null, forbidden]) {
    const drafts = new Drafts("dana", storage);
    drafts.setText("CH1", "typed");
    drafts.keep("CH1", { localId: "a", body: "b", date: 0 });
    expect(drafts.textOf("CH1")).toBe("typed");
    expect(drafts.leftovers("CH1")).toEqual([]);
    drafts.drop("a");
    drafts.close();
  }
});

test("what is in the storage may be anything", () => {
  for (const [at, value] of ["", "{", "null", "7", '"x"', '{"body":5}', '{"body":"ok"}'].entries()) {
    sessionStorage.setItem(`convo-widgets unsent dana CH1 ${at}`, value);
  }
  expect(new Drafts("dana").leftovers("CH1")).toEqual([{ localId: "6", body: "ok", date: 0 }]);
});
