import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isDark } from "../shared/mode";
import widget from "../thread/index";
import { typingWords } from "../thread/thread";
import { Kernel, settled, wireMessage } from "./fakes";

let el: HTMLElement;
let clean: () => void = () => {};
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  clean();
  el.remove();
});

const header = { title: "Order <b>48213</b>", state: "active", names: ["Marta", "Dana"], identity: "dana" };

async function mount(traits: Record<string, unknown> = {}, open = true): Promise<Kernel> {
  const kernel = new Kernel({ _header: header, ...traits });
  clean = widget.render({ model: kernel, el });
  if (open) await kernel.answerOpen([wireMessage(1)]);
  return kernel;
}
const text = (selector: string) => el.querySelector(selector)?.textContent ?? null;

test("shows who talks about what, as text", async () => {
  await mount();
  expect(text(".cw-title")).toBe("Order <b>48213</b>");
  expect(text(".cw-names")).toBe("Marta, Dana");
  expect(text(".cw-header .cw-badge")).toBe("active");
  expect(el.querySelector("b")).toBeNull();
});

test("has the roles that assistive technology needs", async () => {
  await mount();
  const log = el.querySelector("[role=log]");
  expect(log?.getAttribute("aria-live")).toBe("polite");
  expect(log?.getAttribute("tabindex")).toBe("0");
  expect(log?.getAttribute("aria-label")).toBe("Messages");
  expect(el.querySelectorAll("[role=status]")).toHaveLength(3);
});

test("takes no focus and leaves nothing behind", async () => {
  const kernel = await mount();
  expect(document.activeElement).toBe(document.body);
  clean();
  clean = () => {};
  expect(el.childElementCount).toBe(0);
  expect(kernel.listening).toBe(0);
});

test("keeps plain keys pressed in the log from a host that listens before all elements", async () => {
  await mount();
  const heard: string[] = [];
  const listen = (event: KeyboardEvent) => heard.push(event.key);
  document.addEventListener("keydown", listen, true);
  const press = (target: Element | null, fields: KeyboardEventInit) =>
    target?.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, composed: true, ...fields }));
  press(el.querySelector(".cw-scroller"), { key: "d" });
  press(el.querySelector(".cw-scroller"), { key: "s", ctrlKey: true });
  press(document.body, { key: "b" });
  document.removeEventListener("keydown", listen, true);
  expect(heard).toEqual(["s", "b"]);
});

test("has the height and the theme of its traits, live", async () => {
  const kernel = await mount({ height: 320, theme: "dark" });
  const root = el.querySelector<HTMLElement>(".cw-thread");
  expect([root?.style.height, root?.dataset.mode]).toEqual(["320px", "dark"]);
  kernel.set({ height: 500, theme: "light" });
  expect([root?.style.height, root?.dataset.mode]).toEqual(["500px", "light"]);
});

test("shows who is typing", async () => {
  const kernel = await mount();
  expect(text(".cw-typing")).toBe("");
  kernel.batch({ type: "typing", names: ["Marta", "Priya"] });
  expect(text(".cw-typing")).toBe("Marta and Priya are typing…");
});

test("counts writers when there are many", () => {
  expect(typingWords(["Marta"])).toBe("Marta is typing…");
  expect(typingWords(["Marta", "Priya", "Tom"])).toBe("3 people are typing…");
});

describe("the composer's place", () => {
  test.each([
    [{ read_only: true }, "read-only"],
    [{ _header: { ...header, state: "closed" } }, "closed"],
  ])("%j tells why there is none", async (traits, words) => {
    await mount(traits);
    expect(el.querySelector("textarea")).toBeNull();
    expect(text(".cw-reason-line")).toContain(words);
  });

  test("keeps the typed text over a resync and while it is away", async () => {
    const kernel = await mount();
    const field = () => el.querySelector("textarea");
    const typed = field();
    if (!typed) throw new Error("no composer");
    typed.value = "half a sent";
    typed.dispatchEvent(new InputEvent("input", { bubbles: true }));
    kernel.batch({ type: "reset" });
    await kernel.answerOpen([wireMessage(1), wireMessage(2)]);
    expect(field()?.value).toBe("half a sent");
    kernel.set({ read_only: true });
    expect(field()).toBeNull();
    kernel.set({ read_only: false });
    expect(field()?.value).toBe("half a sent");
  });
});

describe("the status line", () => {
  test.each([
    ["connected", null],
    ["connecting", "Reconnecting…"],
    ["disconnected", "Disconnected"],
    ["denied", "client.update_token"],
  ])("when %s", async (connection, words) => {
    const kernel = await mount();
    kernel.set({ _connection: connection });
    if (words === null) expect(text(".cw-status p")).toBeNull();
    else expect(text(".cw-status p")).toContain(words);
  });

  test("says calmly that there is no kernel, and shows what was saved", async () => {
    const kernel = new Kernel({ _header: header, _recent: [wireMessage(1)] });
    kernel.dead = true;
    clean = widget.render({ model: kernel, el });
    await settled();
    expect(text(".cw-status p")).toContain("A saved view: no kernel answers.");
    expect(el.querySelector(".cw-thread")?.getAttribute("data-pulse")).toBe("saved");
    expect(el.querySelector("textarea")).toBeNull();
    expect(el.querySelector("[role=alert]")).toBeNull();
    kernel.dead = false;
    el.querySelector<HTMLButtonElement>(".cw-status button")?.click();
    await kernel.answerOpen([wireMessage(1)]);
    expect(text(".cw-status p")).toBeNull();
    expect(el.querySelector("textarea")).not.toBeNull();
  });

  test("gives the kernel's own sentence when it refuses", async () => {
    const kernel = await mount({}, false);
    await kernel.refuse("open", "NotFound", "There is no conversation <CH1>.");
    expect(text(".cw-status p")).toContain("There is no conversation <CH1>.");
  });
});

test.each([
  ["rgb(255, 255, 255)", false],
  ["rgb(17, 20, 24)", true],
  ["rgba(30, 30, 30, 1)", true],
  ["color(srgb 0.1 0.1 0.1)", true],
  ["oklch(0.2 0 0)", null],
  ["", null],
])("%s: dark is %s", (colour, dark) => {
  expect(isDark(colour)).toBe(dark);
});
