import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Inbox, typingWords } from "../inbox/inbox";
import { conversationFrom } from "../inbox/row";
import { mistakeIn } from "../participants/changes";
import { Participants } from "../participants/participants";
import { participantFrom } from "../participants/row";
import { fitting } from "../shared/grid";
import { TableStore } from "../shared/table";
import { Kernel, settled } from "./fakes";

const PEOPLE = [
  {
    sid: "MB1",
    author: "dana",
    name: "Dana Kim",
    channel: "chat",
    role: "admin",
    role_sid: "RL1",
    online: true,
    own: true,
  },
  {
    sid: "MB2",
    author: "MB2",
    name: "+44 •••• 7310",
    channel: "sms",
    role: "member",
    behind: 2,
    sent: 3,
    sent_more: true,
  },
  { sid: "MB3", author: "eve", name: "<img src=x onerror=alert(1)>", channel: "chat", typing: true, joined: 1e300 },
];
const COLUMNS = [
  { name: "name", label: "Name", kind: "text", facet: false },
  { name: "channel", label: "Channel", kind: "text", facet: true },
  { name: "behind", label: "Unread", kind: "number", facet: false },
  { name: "online", label: "Online", kind: "flag", facet: false },
  { name: "joined", label: "Joined", kind: "time", facet: false },
];
const TALKS = [
  {
    sid: "CH1",
    title: "Order 48213",
    last_text: "Hello",
    last_author: "Marta",
    unread: 3,
    last_date: 1_795_000_000_000,
  },
  { sid: "CH2", title: "Refund", state: "closed", channel: "whatsapp", muted: true, typing: ["Lea"], last_own: true },
];

let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  act(() => render(null, el));
  el.remove();
});

type Traits = Record<string, unknown>;

async function people(traits: Traits = {}, rows: unknown[] = PEOPLE) {
  const kernel = new Kernel({
    _columns: COLUMNS,
    _facets: { channel: { chat: 2, sms: 1 } },
    view_state: { sort: "name", descending: false, filters: {}, search: "" },
    ...traits,
  });
  const store = new TableStore(kernel, participantFrom);
  act(() => render(<Participants store={store} />, el));
  const keys = rows.map((row) => (row as { sid: string }).sid);
  await act(() => kernel.answer("rows", { start: 0, keys, rows, shown: rows.length, total: rows.length }));
  return { kernel, store };
}

async function talks(traits: Traits = {}, rows: unknown[] = TALKS) {
  const kernel = new Kernel({
    _columns: [{ name: "is_unread", label: "Unread", kind: "flag" }, ...COLUMNS],
    view_state: { sort: "last_date", descending: true, filters: {}, search: "" },
    ...traits,
  });
  const store = new TableStore(kernel, conversationFrom);
  act(() => render(<Inbox store={store} />, el));
  const keys = rows.map((row) => (row as { sid: string }).sid);
  await act(() => kernel.answer("rows", { start: 0, keys, rows, shown: rows.length, total: rows.length }));
  return { kernel, store };
}

const rowsOf = () => [...el.querySelectorAll<HTMLElement>(".cw-row-line")];
const row = (at: number) => rowsOf()[at] as HTMLElement;
const button = (name: string) =>
  [...el.querySelectorAll("button")].find(
    (each) => each.textContent === name || each.getAttribute("aria-label") === name,
  ) as HTMLElement;
const click = (element: Element, keys: MouseEventInit = {}) =>
  act(() => void element.dispatchEvent(new MouseEvent("click", { bubbles: true, ...keys })));
const press = (element: Element, key: string, keys: KeyboardEventInit = {}) =>
  act(
    () =>
      void element.dispatchEvent(
        new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...keys }),
      ),
  );
const type = (field: Element | null, value: string) =>
  act(() => {
    (field as HTMLInputElement).value = value;
    field?.dispatchEvent(new Event("input", { bubbles: true }));
  });
const choose = (field: Element | null, value: string) =>
  act(() => {
    (field as HTMLSelectElement).value = value;
    field?.dispatchEvent(new Event("change", { bubbles: true }));
  });
const grid = () => el.querySelector('[role="grid"]') as HTMLElement;

test("people are rows of text, whatever their names are", async () => {
  await people();
  expect(rowsOf().map((each) => each.querySelector("bdi")?.textContent)).toEqual(PEOPLE.map((each) => each.name));
  expect(el.querySelector("img")).toBeNull();
  expect(row(0).textContent).toContain("you");
  expect(row(1).textContent).toContain("3+");
  expect(row(2).textContent).toContain("typing…");
  expect(row(0).querySelector('[title="RL1"]')?.textContent ?? "admin").toBe("admin");
  expect(grid().getAttribute("aria-rowcount")).toBe("4");
});

test("a head sorts: texts from A, numbers from the largest, and a second press the other way round", async () => {
  const { kernel } = await people();
  click(button("Unread"));
  expect(kernel.traits.view_state).toMatchObject({ sort: "behind", descending: true });
  click(button("Unread ↓"));
  expect(kernel.traits.view_state).toMatchObject({ sort: "behind", descending: false });
  click(button("Name"));
  expect(kernel.traits.view_state).toMatchObject({ sort: "name", descending: false });
  expect(el.querySelector('[aria-sort="ascending"]')?.textContent).toContain("Name");
});

test("each column has a filter, a choice where there are few values", async () => {
  const { kernel } = await people();
  click(button("Filters"));
  expect(grid().getAttribute("aria-rowcount")).toBe("5");
  type(el.querySelector('[aria-label="Filter Unread"]'), "> 1");
  choose(el.querySelector('select[aria-label="Channel"]'), "sms");
  expect(kernel.traits.view_state).toMatchObject({ filters: { behind: ["> 1"], channel: ["sms"] } });
  click(button("Clear"));
  expect(kernel.traits.view_state).toMatchObject({ filters: {}, search: "" });
});

test("several values that Python has chosen are shown as such", async () => {
  await people({ view_state: { sort: "name", filters: { channel: ["sms", "fax"] } } });
  click(button("Filters"));
  const select = el.querySelector('select[aria-label="Channel"]') as HTMLSelectElement;
  expect(select.selectedOptions[0]?.textContent).toBe("sms, fax");
  expect(select.textContent).toContain("fax (0)");
});

test("a press selects one, with Ctrl one more or less, with Shift all between", async () => {
  const { kernel } = await people();
  click(row(0));
  expect(kernel.traits.selected).toEqual(["MB1"]);
  click(row(2), { shiftKey: true });
  expect(kernel.traits.selected).toEqual(["MB1", "MB2", "MB3"]);
  click(row(1), { ctrlKey: true });
  expect(kernel.traits.selected).toEqual(["MB1", "MB3"]);
  click(row(1));
  expect(kernel.traits.selected).toEqual(["MB2"]);
  expect(row(1).getAttribute("aria-selected")).toBe("true");
});

test("keys move, select and extend; the notebook gets none of them", async () => {
  const { kernel } = await people();
  const host = vi.fn();
  document.addEventListener("keydown", host);
  press(grid(), "ArrowDown");
  press(grid(), " ");
  expect(kernel.traits.selected).toEqual(["MB1"]);
  press(grid(), "ArrowDown", { shiftKey: true });
  expect(kernel.traits.selected).toEqual(["MB1", "MB2"]);
  press(grid(), "End");
  press(grid(), "Enter");
  expect(kernel.traits.selected).toEqual(["MB3"]);
  press(grid(), "d");
  expect(grid().getAttribute("aria-activedescendant")).toMatch(/MB3$/);
  expect(host.mock.calls.map(([event]) => event.key)).toEqual(["Enter"]);
  document.removeEventListener("keydown", host);
});

test("a row that the keys reach before it is loaded becomes the active one when it is", async () => {
  const { kernel, store } = await people();
  const { view } = kernel.last("rows").params;
  const news = { type: "window", view, rows: [], shift: 0, shown: 900, total: 900 };
  act(() => kernel.batch({ ...news, start: 0, keys: ["MB1", "MB2", "MB3"] }));
  press(grid(), "End");
  expect(grid().getAttribute("aria-activedescendant")).toBeNull();
  const last = { sid: "MB900", name: "Zoe" };
  await act(() => kernel.batch({ ...news, start: 899, keys: ["MB900"], rows: [last] }));
  expect(grid().getAttribute("aria-activedescendant")).toMatch(/MB900$/);
  expect(store.selected.size).toBe(0);
});

test("somebody is added; what the service minds is said, and what was typed stays", async () => {
  const { kernel } = await people();
  click(button("Add"));
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Identity or address");
  type(document.activeElement, "+15552223333");
  type(el.querySelector('[aria-label^="The service"]'), "+15550001111");
  act(() => void el.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true })));
  expect(kernel.last("add").params).toEqual({ address: "+15552223333", proxy: "+15550001111" });
  await act(() => kernel.refuse("add", "Conflict", "The pair of addresses is in use."));
  expect(el.querySelector('[role="alert"]')?.textContent).toBe("The pair of addresses is in use.");
  expect((el.querySelector(".cw-grid-field") as HTMLInputElement).value).toBe("+15552223333");
  type(el.querySelector(".cw-grid-field"), "ben");
  press(el.querySelector(".cw-grid-field") as Element, "Enter");
  expect(kernel.last("add").params).toEqual({ address: "ben", proxy: "" });
  await act(() => kernel.answer("add", { sid: "MB9" }));
  expect(el.querySelector("form")).toBeNull();
});

test("removing is confirmed in place, one after the other, and ends at the first refusal", async () => {
  const { kernel } = await people({ selected: ["MB1", "MB2"] });
  click(button("Remove…"));
  expect(el.textContent).toContain("Remove 2 participants from the conversation?");
  expect(kernel.count("remove")).toBe(0);
  click(button("Remove"));
  expect(kernel.last("remove").params).toEqual({ sid: "MB1" });
  await act(() => kernel.answer("remove", null));
  expect(kernel.last("remove").params).toEqual({ sid: "MB2" });
  await act(() => kernel.refuse("remove", "Forbidden", "This user's role does not allow it."));
  expect(el.querySelector('[role="alert"]')?.textContent).toContain("role does not allow");
  press(button("Cancel"), "Escape");
  expect(button("Remove…")).toBeDefined();
});

test("attributes are edited as JSON; what is none cannot be saved", async () => {
  const { kernel } = await people({ selected: ["MB2"] });
  click(button("Attributes…"));
  await act(() => kernel.answer("attributes", { text: '{"a":1}' }));
  const field = el.querySelector("textarea") as HTMLTextAreaElement;
  expect(field.value).toBe('{\n  "a": 1\n}');
  type(field, "{");
  expect(button("Save").hasAttribute("disabled")).toBe(true);
  expect(field.getAttribute("aria-invalid")).toBe("true");
  type(field, '{"a":2}');
  click(button("Save"));
  expect(kernel.last("change").params).toEqual({ sid: "MB2", text: '{"a":2}' });
  await act(() => kernel.answer("change", null));
  expect(el.querySelector("textarea")).toBeNull();
  expect(mistakeIn("[1]")).toBeNull();
});

test("a table that is read-only offers no change", async () => {
  await people({ read_only: true, selected: ["MB1"] });
  expect([button("Add"), button("Remove…"), button("Attributes…")]).toEqual([undefined, undefined, undefined]);
  expect(button("Unselect")).toBeDefined();
});

test.each([
  [{ _loading: true }, 0, "Loading…"],
  [{}, 0, "Nobody is in this conversation."],
  [{}, 7, "Nobody fits the search."],
])("%o with %i rows in all says %s", async (traits, total, words) => {
  const { kernel } = await people(traits, []);
  const { view } = kernel.last("rows").params;
  act(() => kernel.batch({ type: "window", view, start: 0, shift: 0, keys: [], rows: [], shown: 0, total }));
  expect(el.querySelector(".cw-grid-empty")?.textContent).toBe(words);
});

test("what kept the kernel from reading is said, and a refused token more severely", async () => {
  const { kernel } = await people({ _problem: "Join first." }, []);
  expect(el.querySelector(".cw-status")?.textContent).toBe("Join first.");
  act(() => kernel.set({ _connection: "denied" }));
  expect(el.querySelector(".cw-severe")?.textContent).toContain("new token");
});

test("a conversation's line has its last message, or who is typing; badges and counts", async () => {
  await talks();
  expect(row(0).querySelector(".cw-talk-text")?.textContent).toBe("Marta: Hello");
  expect(row(0).querySelector(".cw-unread")?.textContent).toBe("3 unread");
  expect(row(1).textContent).toContain("Lea is typing…");
  expect([...row(1).querySelectorAll(".cw-badge")].map((each) => each.textContent)).toEqual(["closed", "WhatsApp"]);
  expect(row(1).textContent).toContain("muted");
});

test("what the service says itself has no author", async () => {
  await talks({}, [{ sid: "CH1", title: "Room", last_text: "Priya closed it.", last_author: null }]);
  expect(row(0).querySelector(".cw-talk-text")?.textContent).toBe("Priya closed it.");
});

test.each([
  [[], ""],
  [["Marta"], "Marta is typing…"],
  [["Marta", "Lea"], "Marta and Lea are typing…"],
  [["Marta", "Lea", "Eve"], "Several people are typing…"],
])("%j: %s", (names, words) => expect(typingWords(names)).toBe(words));

test("only what is unread, at a press, and everything again at another", async () => {
  const { kernel } = await talks();
  click(button("Unread"));
  expect(kernel.traits.view_state).toMatchObject({ filters: { is_unread: ["yes"] } });
  expect(button("Unread").getAttribute("aria-pressed")).toBe("true");
  click(button("Unread"));
  expect(kernel.traits.view_state).toMatchObject({ filters: {} });
});

test("the order is chosen, and one that Python has set is no choice", async () => {
  const { kernel } = await talks();
  const order = el.querySelector('select[aria-label="Order"]') as HTMLSelectElement;
  expect(order.value).toBe("newest");
  choose(order, "unread");
  expect(kernel.traits.view_state).toMatchObject({ sort: "attention", descending: true });
  act(() => kernel.set({ view_state: { sort: "state", descending: false } }));
  expect(order.selectedOptions[0]?.textContent).toBe("Other order");
});

test("moving by keys chooses a conversation; what can be done with it is asked of the kernel", async () => {
  const { kernel } = await talks();
  press(grid(), "ArrowDown");
  expect(kernel.traits.selected).toEqual(["CH1"]);
  click(row(1), { shiftKey: true });
  expect(kernel.traits.selected).toEqual(["CH2"]);
  click(button("What to do with the selected conversation"));
  click(button("Unmute"));
  expect(kernel.last("mute").params).toEqual({ sid: "CH2", muted: false });
  await act(() => kernel.refuse("mute", "Forbidden", "No."));
  expect(el.querySelector('[role="alert"]')?.textContent).toBe("No.");
  click(button("Leave…"));
  expect(kernel.count("leave_conversation")).toBe(0);
  click(button("Leave"));
  expect(kernel.last("leave_conversation").params).toEqual({ sid: "CH2" });
  await act(() => settled());
});

test("columns for which there is no room are left out from the end, the first one never", () => {
  const columns = [100, 50, 80, 10].map((least, at) => ({ name: `${at}`, width: "1fr", least, cell: () => "" }));
  const names = (width: number) => fitting(columns, width).map((column) => column.name);
  expect([names(500), names(240), names(160), names(20)]).toEqual([
    ["0", "1", "2", "3"],
    ["0", "1", "2", "3"],
    ["0", "1"],
    ["0"],
  ]);
});
