import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Comm, NO_KERNEL, type RequestFailed } from "../shared/comm";
import { Kernel, settled } from "./fakes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const failure = (promise: Promise<unknown>): Promise<RequestFailed> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: RequestFailed) => error,
  );

test("an answer reaches the request with its id", async () => {
  const kernel = new Kernel();
  const comm = new Comm(kernel, () => {});
  const first = comm.request("older", { before: 3 });
  const second = comm.request("older", { before: 2 });
  const [one, two] = kernel.requests;
  kernel.say({ kind: "response", id: two?.id, ok: true, result: "second" });
  kernel.say({ kind: "response", id: one?.id, ok: true, result: "first" });
  expect(await Promise.all([first, second])).toEqual(["first", "second"]);
  expect(one).toMatchObject({ kind: "request", method: "older", params: { before: 3 } });
});

test("another view's answer is not taken for ours", async () => {
  const kernel = new Kernel();
  const heard: unknown[] = [];
  const comm = new Comm(kernel, (content) => heard.push(content));
  let answered = false;
  comm.request("open", {}).then(
    () => (answered = true),
    () => {},
  );
  kernel.say({ kind: "response", id: "not ours", ok: true, result: 1 });
  await settled();
  expect(answered).toBe(false);
  expect(heard).toHaveLength(1);
});

test("two views of one model use different ids", () => {
  const kernel = new Kernel();
  for (let view = 0; view < 50; view++) new Comm(kernel, () => {}).request("open", {}).catch(() => {});
  expect(new Set(kernel.requests.map((each) => each.id)).size).toBe(50);
});

test("an error of the kernel keeps its type and its sentence", async () => {
  const kernel = new Kernel();
  const error = failure(new Comm(kernel, () => {}).request("send", {}));
  await kernel.refuse("send", "Forbidden", "You may only read here.");
  expect(await error).toMatchObject({ type: "Forbidden", message: "You may only read here." });
});

test("a malformed error still ends the request", async () => {
  const kernel = new Kernel();
  const error = failure(new Comm(kernel, () => {}).request("send", {}));
  kernel.say({ kind: "response", id: kernel.last("send").id, ok: false });
  expect((await error).message).toMatch(/no reason/);
});

test("silence ends in an error that says how long it lasted", async () => {
  const comm = new Comm(new Kernel(), () => {}, { timeout: 30_000 });
  const error = failure(comm.request("open", {}));
  vi.advanceTimersByTime(30_000);
  expect(await error).toMatchObject({ type: "Timeout", message: expect.stringContaining("30 seconds") });
});

test("an answer in time stops the clock", async () => {
  const kernel = new Kernel();
  const comm = new Comm(kernel, () => {});
  const before = vi.getTimerCount();
  const result = comm.request("open", {});
  expect(vi.getTimerCount()).toBe(before + 1);
  await kernel.answer("open", 7);
  expect(vi.getTimerCount()).toBe(before);
  expect(await result).toBe(7);
});

test("a dead kernel is said at once, with what to do", async () => {
  const kernel = new Kernel();
  kernel.dead = true;
  const comm = new Comm(kernel, () => {});
  const error = await failure(comm.request("open", {}));
  expect(error).toMatchObject({ type: "NoKernel", message: NO_KERNEL });
  expect(comm.pulse).toBe("saved");
  expect(vi.getTimerCount()).toBe(1); // which looks whether it came back
});

test("closing ends what is on its way and listens no more", async () => {
  const kernel = new Kernel();
  const comm = new Comm(kernel, () => {});
  const error = failure(comm.request("open", {}));
  comm.close();
  expect(await error).toMatchObject({ type: "Closed" });
  expect(kernel.listening).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("ids need no secure context", () => {
  const random = vi.spyOn(crypto, "randomUUID").mockImplementation(() => {
    throw new TypeError("not on plain http");
  });
  const kernel = new Kernel();
  new Comm(kernel, () => {}).request("open", {}).catch(() => {});
  expect(kernel.requests).toHaveLength(1);
  random.mockRestore();
});

test("bytes travel both ways beside the JSON", async () => {
  const kernel = new Kernel();
  const bytes = new Uint8Array([1, 2, 3]);
  const answer = new Comm(kernel, () => {}).ask("medium", { sid: "ME1" }, [bytes.buffer]);
  expect(kernel.last("medium").buffers).toEqual([bytes.buffer]);
  kernel.say({ kind: "response", id: kernel.last("medium").id, ok: true, result: 3 }, [new DataView(bytes.buffer)]);
  expect(await answer).toEqual({ result: 3, buffers: [new DataView(bytes.buffer)] });
});

test("a kernel that beats is alive; one that falls silent is asked, then said to be silent, and found again", async () => {
  const kernel = new Kernel();
  const seen: string[] = [];
  const comm = new Comm(kernel, () => {}, { onChange: () => seen.push(comm.pulse) });
  kernel.say({ kind: "beat" });
  for (let beat = 0; beat < 5; beat++) {
    vi.advanceTimersByTime(4000);
    kernel.say({ kind: "beat" });
  }
  expect([seen, kernel.hellos.length]).toEqual([[], 1]);
  kernel.say({ kind: "response", id: kernel.hellos[0]?.id, ok: true, result: {} });
  await settled();
  vi.advanceTimersByTime(8000);
  expect([seen, kernel.hellos.length]).toEqual([[], 2]);
  vi.advanceTimersByTime(4000);
  expect(seen).toEqual(["silent"]);
  kernel.say({ kind: "beat" });
  expect(seen).toEqual(["silent", "alive"]);
});

test("a view that has never heard of a kernel is a saved one within seconds, until it hears", async () => {
  const kernel = new Kernel();
  const comm = new Comm(kernel, () => {});
  vi.advanceTimersByTime(2000);
  expect(comm.pulse).toBe("alive");
  vi.advanceTimersByTime(2000);
  expect(comm.pulse).toBe("saved");
  kernel.say({ kind: "beat" });
  expect(comm.pulse).toBe("alive");
});

test("a kernel that was restarted is gone within seconds, though it says nothing", async () => {
  const kernel = new Kernel();
  const comm = new Comm(kernel, () => {});
  kernel.say({ kind: "response", id: kernel.hellos[0]?.id, ok: true, result: {} });
  await settled();
  kernel.dead = true;
  vi.advanceTimersByTime(8000);
  await settled();
  expect(comm.pulse).toBe("gone");
});

test("faults come with the greeting and on their own, and can be put away", async () => {
  const kernel = new Kernel();
  const fault = { id: 1, what: "A callback of on_send failed", message: "KeyError: 'x'", traceback: "Traceback ..." };
  let changes = 0;
  const comm = new Comm(kernel, () => {}, { onChange: () => changes++ });
  kernel.say({ kind: "response", id: kernel.hellos[0]?.id, ok: true, result: { faults: [fault, "no fault"] } });
  await settled();
  expect(comm.faults).toEqual([fault]);
  kernel.say({ kind: "faults", faults: [fault, { ...fault, id: 2, message: 7 }] });
  expect(comm.faults.map((each) => each.message)).toEqual(["KeyError: 'x'", ""]);
  comm.dismiss(1);
  expect(comm.faults.map((each) => each.id)).toEqual([2]);
  expect(kernel.last("dismiss").params).toEqual({ id: 1 });
  expect(changes).toBe(3);
});
