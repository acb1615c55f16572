import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Explorer } from "../explorer/explorer";
import { nextEntry, paneOf } from "../explorer/panes";
import { ExplorerStore } from "../explorer/store";
import { Kernel, settled } from "./fakes";

const ROW = { sid: "CH1", title: "Order 48213", last_text: "hello", last_author: "Marta" };
const PARTS = {
  connection: { state: "connected", identity: "dana", service: "local service", token_seconds_left: 2520 },
  inbox: { selected: ["CH1"], _first: { rows: [ROW], shown: 1, total: 1 }, _columns: [], view_state: {} },
  thread: { conversation_sid: "CH1", _recent: [], _header: { title: "Order 48213", names: [] } },
  participants: { conversation_sid: "CH1", _first: { rows: [], shown: 0, total: 0 }, _columns: [], view_state: {} },
};

let place: HTMLElement;
let store: ExplorerStore;
let kernel: Kernel;

beforeEach(() => {
  place = document.createElement("div");
  document.body.append(place);
});

afterEach(() => {
  render(null, place);
  place.remove();
  store.close();
  expect(kernel.listening).toBe(0);
  vi.restoreAllMocks();
});

async function show(traits: Record<string, unknown> = {}): Promise<void> {
  kernel = new Kernel({ _parts: PARTS, _title: "Dana Kim", selected_sid: "CH1", scope: "conversation", ...traits });
  store = new ExplorerStore(kernel);
  await act(() => render(<Explorer store={store} />, place));
}

const button = (name: string): HTMLButtonElement => {
  const found = [...place.querySelectorAll("button")].find((each) => each.textContent === name);
  if (!found) throw new Error(`no button ${name}`);
  return found;
};
const press = (name: string) => act(() => button(name).click());
const next = () => place.querySelector(".cw-next")?.textContent ?? "";
const pane = () => place.querySelector(".cw-panes")?.getAttribute("data-pane");
const refuse = (method: string, message: string) => act(() => kernel.refuse(method, "UsageError", message));

test("all parts are there: title, count, panes, and the foot", async () => {
  await show();
  expect(place.querySelector(".cw-top")?.textContent).toContain("Dana Kim");
  expect(place.querySelector(".cw-top")?.textContent).toContain("1 conversation");
  expect(place.querySelector(".cw-foot")?.textContent).toContain("connected as dana");
  expect(place.querySelector(".cw-foot")?.textContent).toContain("local service");
  for (const name of ["inbox", "thread", "participants"]) {
    expect(place.querySelector(`.cw-pane-${name} .cw-${name}`)).not.toBeNull();
  }
});

test("a DataFrame is made, and what to type next can be copied", async () => {
  await show({ _hint: "import convo_widgets as cw\n\ndf = await cw.messages_frame(client)" });
  expect(next()).toContain("df = await cw.messages_frame(client)");
  await press("DataFrame");
  expect(next()).toContain("Making DataFrame…");
  expect(button("CSV").disabled).toBe(true);
  await act(() => kernel.answer("frame", { rows: 1234, python: "df = explorer.frame" }));
  expect(next()).toContain((1234).toLocaleString());
  expect(next()).toContain("df = explorer.frame");
  const written: string[] = [];
  Object.defineProperty(navigator, "clipboard", {
    configurable: true,
    value: { writeText: async (text: string) => written.push(text) },
  });
  await press("Copy");
  expect(written).toEqual(["df = explorer.frame"]);
  await press("Copy Python");
  await act(() => kernel.answer("python", "import convo_widgets as cw"));
  await act(() => settled());
  expect(written.at(-1)).toBe("import convo_widgets as cw");
  expect(next()).toContain("Copied.");
});

test("a file is given to the browser under a harmless name, or its path is told", async () => {
  await show();
  const saved: string[] = [];
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  await press("CSV");
  expect(kernel.last("export").params).toEqual({ kind: "csv" });
  await act(async () => {
    const bytes = new DataView(new TextEncoder().encode("a,b").buffer);
    const { id } = kernel.last("export");
    kernel.say(
      { kind: "response", id, ok: true, result: { name: "../order.csv", path: null, python: "await e.export('csv')" } },
      [bytes],
    );
    await settled();
  });
  expect(saved).toEqual(["_order.csv"]);
  expect(next()).toContain("await e.export('csv')");
  await press("Parquet");
  await act(() => kernel.answer("export", { name: "order.parquet", path: "folder/order.parquet" }));
  expect(next()).toContain("folder/order.parquet");
  expect(saved.length).toBe(1);
});

test("a failure is an alert; an export can be cancelled", async () => {
  await show();
  await press("HTML");
  await press("Cancel");
  expect(kernel.count("cancel")).toBe(1);
  await refuse("export", "The export was cancelled.");
  expect(place.querySelector('.cw-top [role="alert"]')?.textContent).toBe("The export was cancelled.");
  await press("×");
  expect(place.querySelector('.cw-top [role="alert"]')).toBeNull();
});

test("without a kernel nothing can be exported, and it is said once", async () => {
  kernel = new Kernel({ _parts: PARTS, _title: "Dana Kim", selected_sid: "CH1" });
  kernel.dead = true;
  store = new ExplorerStore(kernel);
  await act(() => render(<Explorer store={store} />, place));
  await act(() => settled());
  expect(button("CSV").disabled).toBe(true);
  expect(button("Copy Python").disabled).toBe(true);
  expect(place.querySelector(".cw-explorer > .cw-status")?.textContent).not.toBe("");
});

test("what is exported is chosen; a page is of one conversation", async () => {
  await show({ scope: "listed", since: "2026-11-01" });
  expect(button("HTML").disabled).toBe(true);
  expect(button("CSV").disabled).toBe(false);
  const from = place.querySelector<HTMLInputElement>('input[type="date"]');
  expect(from?.value).toBe("2026-11-01");
  await press("All days");
  expect(kernel.traits.since).toBe("");
  expect(kernel.saved).toBe(1);
  const select = place.querySelector<HTMLSelectElement>(".cw-top select");
  await act(() => {
    if (select) select.value = "conversation";
    select?.dispatchEvent(new Event("change", { bubbles: true }));
  });
  expect(kernel.traits.scope).toBe("conversation");
});

test("nothing chosen, nothing there, and something removed are said", async () => {
  await show({ selected_sid: "", _parts: { inbox: PARTS.inbox } });
  expect(place.querySelector(".cw-nowhere")?.textContent).toBe("Choose a conversation.");
  expect(button("CSV").disabled).toBe(true);
  await act(() => kernel.set({ _gone: "<b>Room</b>" }));
  expect(place.querySelector(".cw-nowhere")?.textContent).toContain("<b>Room</b> was removed");
  await act(() => {
    if (store.inbox) Object.assign(store.inbox, { opened: true, total: 0 });
    kernel.set({ _gone: "" });
  });
  expect(place.textContent).toContain("create_conversation");
});

test("opening a conversation leads to its messages, and the first tab back", async () => {
  await show();
  expect(pane()).toBe("inbox");
  await act(() => place.querySelector<HTMLElement>(".cw-pane-inbox .cw-row-line")?.click());
  expect(pane()).toBe("thread");
  await press("‹ Conversations");
  expect(pane()).toBe("inbox");
  const grid = place.querySelector<HTMLElement>(".cw-pane-inbox [role='grid']");
  await act(() => {
    grid?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  });
  expect(pane()).toBe("thread");
});

test("a fault in a pane that may be hidden is marked at its tab", async () => {
  await show();
  const fault = { id: 1, what: "A callback failed", message: "ValueError: no", traceback: "" };
  await act(() => kernel.say({ kind: "part", part: "participants", content: { kind: "faults", faults: [fault] } }));
  expect(place.querySelector(".cw-pane-participants [role='alert']")?.textContent).toContain("A callback failed");
  expect(place.querySelector(".cw-tabs")?.textContent).toContain("something failed there");
});

test("F6 goes from pane to pane, and back with Shift", () => {
  const root = document.createElement("div");
  root.innerHTML =
    '<div class="cw-pane-inbox"><div role="grid"></div></div><div class="cw-pane-thread"><textarea></textarea></div>' +
    '<div class="cw-pane-participants"><div role="grid"></div></div>';
  document.body.append(root);
  for (const each of root.querySelectorAll<HTMLElement>("*")) {
    Object.defineProperty(each, "offsetHeight", { configurable: true, value: 10 });
  }
  const where = (element: Element | null) => paneOf(element);
  expect(where(nextEntry(root, null, false))).toBe("inbox");
  expect(where(nextEntry(root, "inbox", false))).toBe("thread");
  expect(where(nextEntry(root, "participants", false))).toBe("inbox");
  expect(where(nextEntry(root, "inbox", true))).toBe("participants");
  const grid = root.querySelector(".cw-pane-participants [role='grid']");
  if (grid) Object.defineProperty(grid, "offsetHeight", { value: 0 }); // hidden
  expect(where(nextEntry(root, "thread", false))).toBe("inbox");
  root.remove();
});
