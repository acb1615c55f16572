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
  const comm = new Comm(new Kernel(), () => {}, 30_000);
  const error = failure(comm.request("open", {}));
  vi.advanceTimersByTime(30_000);
  expect(await error).toMatchObject({ type: "Timeout", message: expect.stringContaining("30 seconds") });
});

test("an answer in time stops the clock", async () => {
  const kernel = new Kernel();
  const result = new Comm(kernel, () => {}).request("open", {});
  await kernel.answer("open", 7);
  expect(vi.getTimerCount()).toBe(0);
  expect(await result).toBe(7);
});

test("a dead kernel is said at once, with what to do", async () => {
  const kernel = new Kernel();
  kernel.dead = true;
  const error = await failure(new Comm(kernel, () => {}).request("open", {}));
  expect(error).toMatchObject({ type: "NoKernel", message: NO_KERNEL });
  expect(vi.getTimerCount()).toBe(0);
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
