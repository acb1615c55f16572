import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TableStore } from "../shared/table";
import { text, wire } from "../shared/values";
import { Kernel, settled } from "./fakes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Row {
  sid: string;
  name: string;
}

const rowFrom = (value: unknown): Row | null => {
  const fields = wire(value);
  return fields.sid ? { sid: text(fields.sid), name: text(fields.name) } : null;
};
const row = (number: number, name = `row ${number}`): Row => ({ sid: `MB${number}`, name });
const keys = (...numbers: number[]): string[] => numbers.map((number) => `MB${number}`);

const TRAITS = {
  _columns: [{ name: "name", label: "Name", kind: "text", facet: false }, { label: "no name" }],
  _facets: { channel: { sms: 2, chat: "many" } },
  _first: { rows: [row(1)], shown: 1, total: 3 },
  view_state: { sort: "name", descending: false, filters: { channel: ["sms"], name: [] }, search: "" },
  selected: ["MB2", 7],
};

async function opened(): Promise<{ kernel: Kernel; store: TableStore<Row>; shifts: number[] }> {
  const kernel = new Kernel(TRAITS);
  const store = new TableStore(kernel, rowFrom);
  const shifts: number[] = [];
  store.subscribe((shift) => shifts.push(shift));
  const rows = [row(1), row(2), row(3)];
  await kernel.answer("rows", { start: 0, shift: 0, keys: keys(1, 2, 3), rows, shown: 3, total: 3 });
  return { kernel, store, shifts };
}

test("what was saved is there at once, and what does not fit is left out", () => {
  const store = new TableStore(new Kernel(TRAITS), rowFrom);
  expect(store.at(0)).toEqual(row(1));
  expect([store.opened, store.shown, store.total]).toEqual([false, 1, 3]);
  expect(store.columns.map((column) => column.name)).toEqual(["name"]);
  expect(store.viewState.filters).toEqual({ channel: ["sms"] });
  expect([...store.selected]).toEqual(["MB2"]);
  expect(store.facets.get("channel")?.get("chat")).toBe(0);
});

test("a window of another view is not taken, its own is: only what changed travels", async () => {
  const { kernel, store } = await opened();
  const { view } = kernel.last("rows").params;
  const news = { start: 0, shift: 0, keys: keys(2, 1), rows: [row(2, "changed")], shown: 2, total: 2 };
  kernel.batch({ type: "window", view: "another", ...news });
  expect(store.keys).toEqual(keys(1, 2, 3));
  kernel.batch({ type: "window", view, ...news });
  expect([store.at(0), store.at(1), store.at(2)]).toEqual([row(2, "changed"), row(1), null]);
  expect([...store.rows.keys()]).toEqual(keys(2, 1));
});

test("the reader's place moves with the rows above it", async () => {
  const { kernel, shifts } = await opened();
  shifts.length = 0;
  const { view } = kernel.last("rows").params;
  kernel.batch({ type: "window", view, start: 2, shift: 2, keys: keys(1), rows: [], shown: 5, total: 5 });
  expect(shifts).toEqual([2]);
});

test("the kernel is told by how much the reader was moved, for its news and the question may cross", async () => {
  const { kernel, store } = await opened();
  const { view } = kernel.last("rows").params;
  const news = { keys: keys(1), rows: [], shown: 5, total: 5 };
  kernel.batch({ type: "window", view, start: 2, shift: 2, ...news });
  kernel.batch({ type: "window", view, start: 1, shift: -1, ...news });
  store.look(7, 20, "MB1", 9);
  vi.advanceTimersByTime(1000);
  await settled();
  expect(kernel.last("rows").params).toMatchObject({ start: 7, anchor: "MB1", at: 9, shifted: 1 });
});

test("another order sends the reader to the top", async () => {
  const { kernel, store } = await opened();
  store.look(100, 20, "MB1", 130);
  vi.advanceTimersByTime(1000);
  await settled();
  const { view } = kernel.last("rows").params;
  kernel.batch({ type: "window", view, start: 0, shift: 0, top: true, keys: keys(3), rows: [], shown: 1, total: 3 });
  expect(store.tops).toBe(1);
  kernel.batch({ type: "reset" });
  expect(kernel.last("rows").params).toMatchObject({ afresh: true, start: 0, anchor: null });
});

test("a range is selected here where it is loaded, and by the kernel where it is not", async () => {
  const { kernel, store } = await opened();
  await store.selectRange("MB3", "MB2", false);
  expect(kernel.traits.selected).toEqual(keys(2, 3));
  await store.selectRange("MB1", "MB1", true);
  expect(kernel.traits.selected).toEqual(keys(2, 3, 1));
  void store.selectRange("MB1", "MB900", true);
  expect(kernel.last("range").params).toEqual({ from: "MB1", to: "MB900", adding: true });
  await kernel.refuse("range", "UsageError", "gone");
});

test("a column's filter is set and taken away without touching the others", async () => {
  const { kernel, store } = await opened();
  store.filter("name", ["ana"]);
  expect(kernel.traits.view_state).toMatchObject({ filters: { channel: ["sms"], name: ["ana"] } });
  store.filter("channel", []);
  expect(kernel.traits.view_state).toMatchObject({ filters: { name: ["ana"] } });
});

test("a lost batch lets everything be asked for again", async () => {
  const { kernel } = await opened();
  kernel.batch();
  expect(kernel.count("rows")).toBe(1);
  kernel.lose();
  kernel.batch();
  expect(kernel.last("rows").params).toMatchObject({ afresh: true });
  expect(kernel.count("rows")).toBe(2);
});

test("a reader who scrolls fast is asked for at most a few times", async () => {
  const { kernel, store } = await opened();
  for (let at = 0; at < 50; at++) store.look(at * 10, 60, null);
  vi.advanceTimersByTime(1000);
  await settled();
  expect(kernel.count("rows")).toBe(2);
  expect(kernel.last("rows").params).toMatchObject({ start: 490, count: 60, afresh: false });
});

test("selection and wishes go to the kernel as traits", async () => {
  const { kernel, store } = await opened();
  store.select(["MB1"]);
  store.want({ search: "ana" });
  expect(kernel.traits.selected).toEqual(["MB1"]);
  expect(kernel.traits.view_state).toMatchObject({ sort: "name", search: "ana" });
  expect(kernel.saved).toBe(2);
  expect(store.selected.has("MB1")).toBe(true);
});

test("closing leaves nothing behind", async () => {
  const { kernel, store } = await opened();
  store.look(10, 20, null);
  store.close();
  expect([kernel.listening, vi.getTimerCount()]).toEqual([0, 0]);
  expect(kernel.last("leave").params).toEqual({ view: kernel.last("rows").params.view });
});
