import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../connection/connection";
import { eventFrom, filtered, type LogEvent } from "../connection/event";
import { ConnectionStore } from "../connection/store";
import { duration, latencyWords, stateWords, tokenWords } from "../connection/words";
import { Kernel, settled } from "./fakes";

const TRAITS = {
  state: "connected",
  identity: "dana",
  service: "local service",
  token_seconds_left: 2520,
  latency: 0.018,
  reconnects: 0,
  _renewable: true,
};
const event = (id: number, fields: Partial<LogEvent> = {}) => ({
  id,
  time: 1_795_000_000_000 + id,
  name: "messageAdded",
  actor: "marta",
  text: `#${id} · hello`,
  ...fields,
});

let place: HTMLElement;
const stores: ConnectionStore[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout", "Date"] });
  place = document.createElement("div");
  document.body.append(place);
});

afterEach(() => {
  render(null, place);
  place.remove();
  for (const store of stores.splice(0)) store.close();
  vi.useRealTimers();
});

function open(traits: Record<string, unknown> = {}): { kernel: Kernel; store: ConnectionStore } {
  const kernel = new Kernel({ ...TRAITS, ...traits });
  const store = new ConnectionStore(kernel);
  stores.push(store);
  return { kernel, store };
}

const show = (store: ConnectionStore) => act(() => render(<Connection store={store} />, place));
const press = (name: string) => {
  const button = [...place.querySelectorAll("button")].find((each) => each.textContent?.includes(name));
  if (!button) throw new Error(`no button ${name}`);
  return act(() => button.click());
};
const line = () => place.querySelector(".cw-link-line")?.textContent ?? "";

test("words are as exact as one needs", () => {
  expect([0, 45, 119, 120, 7199, 7200, 200_000].map(duration)).toEqual([
    "0 s",
    "45 s",
    "119 s",
    "2 min",
    "119 min",
    "2 h",
    "2 days",
  ]);
  expect([null, -1, 90].map(tokenWords)).toEqual([null, "token expired", "token 90 s"]);
  expect([null, -1, 0, 0.0184, 1.24].map(latencyWords)).toEqual([null, null, "1 ms", "18 ms", "1.2 s"]);
  expect([stateWords("connected", "dana"), stateWords("denied", "dana")]).toEqual(["connected as dana", "denied"]);
});

test("events of any shape are taken or left", () => {
  expect([null, 7, {}, { id: "1" }].map(eventFrom)).toEqual([null, null, null, null]);
  expect(eventFrom({ id: 1, time: "x", name: 3 })).toEqual({ id: 1, time: 0, name: "", actor: null, text: "" });
  const events = [event(1), event(2, { name: "typingStarted", text: "marta writes" }), event(3, { text: "BYE" })];
  const ids = (name: string, words: string) => filtered(events, { name, words }).map((each) => each.id);
  expect(ids("", "")).toEqual([1, 2, 3]);
  expect(ids("messageAdded", "")).toEqual([1, 3]);
  expect(ids("", "marta bye")).toEqual([3]);
  expect(ids("typingStarted", "bye")).toEqual([]);
});

test("a line says how it is, and the token's time runs", async () => {
  const { kernel, store } = open({ token_seconds_left: 121 });
  await show(store);
  expect(line()).toContain("connected as dana");
  expect(line()).toContain("token 2 min");
  expect(line()).toContain("18 ms");
  await act(() => {
    vi.advanceTimersByTime(21_000);
  });
  expect(line()).toContain("token 100 s");
  await act(() => kernel.set({ latency: 0.02 })); // another trait does not set the clock back
  expect(line()).toContain("token 100 s");
  await act(() => kernel.set({ token_seconds_left: 3600 }));
  expect(line()).toContain("token 60 min");
  await act(() => kernel.set({ state: "denied", latency: null }));
  expect(line()).toContain("denied");
  expect(line()).not.toContain("ms");
});

test("the latency is asked for while the page is seen, and by nobody after the view is closed", async () => {
  const { kernel, store } = open();
  expect(kernel.count("look")).toBe(1);
  vi.advanceTimersByTime(10_000);
  expect(kernel.count("look")).toBe(2);
  const visibility = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  vi.advanceTimersByTime(30_000);
  expect(kernel.count("look")).toBe(2);
  visibility.mockRestore();
  store.close();
  vi.advanceTimersByTime(30_000);
  expect(kernel.count("look")).toBe(2);
  expect(kernel.listening).toBe(0);
});

test("a new token is asked for, and a refusal is told", async () => {
  const { kernel, store } = open({ _renewable: false });
  await show(store);
  await press("connected");
  expect(place.textContent).toContain("await client.update_token(token)");
  await press("Refresh token");
  await act(() => kernel.refuse("renew", "UsageError", "The token was given as text."));
  expect(place.querySelector('[role="alert"]')?.textContent).toBe("The token was given as text.");
  await press("Refresh token");
  await act(() => kernel.answer("renew", null));
  expect(place.textContent).toContain("The token is new.");
});

test("the log reads page by page while it is open, and stands still while paused", async () => {
  const { kernel, store } = open();
  kernel.batch({ type: "log", first: 1, next: 4 });
  await settled();
  expect(kernel.count("events")).toBe(0); // nobody looks
  await show(store);
  await press("connected");
  expect(kernel.last("events").params).toEqual({ after: 0 });
  await act(() => kernel.answer("events", { events: [event(1), event(2)], first: 1, next: 4 }));
  expect(kernel.last("events").params).toEqual({ after: 2 });
  await act(() => kernel.answer("events", { events: [event(3)], first: 1, next: 4 }));
  expect(kernel.count("events")).toBe(2);
  expect(place.querySelectorAll('[role="option"]').length).toBe(3);

  await press("Pause");
  await act(() => kernel.batch({ type: "log", first: 1, next: 6 }));
  expect(kernel.count("events")).toBe(2);
  await press("Go on");
  expect(kernel.last("events").params).toEqual({ after: 3 });
});

test("an event opens to its payload; clearing empties every view", async () => {
  const { kernel, store } = open();
  await show(store);
  await press("connected");
  await act(() => kernel.batch({ type: "log", first: 1, next: 3 }));
  await act(() => kernel.answer("events", { events: [event(1), event(2)], first: 1, next: 3 }));
  await act(() => place.querySelectorAll<HTMLElement>('[role="option"]')[1]?.click());
  expect(kernel.last("payload").params).toEqual({ id: 2 });
  await act(() => kernel.answer("payload", '{"body": "<img src=x onerror=alert(1)>"}'));
  expect(place.querySelector(".cw-payload pre")?.textContent).toContain("<img");
  expect(place.querySelector("img")).toBeNull();
  await act(() => kernel.batch({ type: "log", first: 3, next: 3 })); // cleared elsewhere
  expect(store.events).toEqual([]);
  await press("Clear");
  expect(kernel.count("clear")).toBe(1);
});

test("thousands of events cost a few rows", async () => {
  const { kernel, store } = open();
  await show(store);
  await press("connected");
  for (let start = 1; start < 3000; start += 500) {
    await act(() => kernel.batch({ type: "log", first: 1, next: start + 500 }));
    const page = Array.from({ length: 500 }, (_, at) => event(start + at));
    await act(() => kernel.answer("events", { events: page, first: 1, next: start + 500 }));
  }
  expect(store.events.length).toBe(2000);
  expect(store.events.at(-1)?.id).toBe(3000);
  expect(place.querySelectorAll('[role="option"]').length).toBeLessThan(60);
});
