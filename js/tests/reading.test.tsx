import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Message } from "../shared/model";
import { contentFrom, placeName } from "../thread/content";
import { quietDocument } from "../thread/email";
import { Files, safeName } from "../thread/files";
import { kindOf } from "../thread/media";
import { signOf, whoReacted } from "../thread/reactions";
import { Desk, ReadingContext } from "../thread/reading";
import { MessageRow } from "../thread/row";
import { ThreadStore } from "../thread/store";
import { Kernel, message, settled } from "./fakes";

let place: HTMLElement;
let kernel: Kernel;
let store: ThreadStore;
let desk: Desk;
const urls = new Map<string, Blob>();

beforeEach(() => {
  place = document.createElement("div");
  document.body.append(place);
  kernel = new Kernel();
  store = new ThreadStore(kernel);
  desk = new Desk(store);
  urls.clear();
  let made = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    made += 1;
    urls.set(`blob:${made}`, blob as Blob);
    return `blob:${made}`;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void urls.delete(url));
  vi.stubGlobal("IntersectionObserver", undefined); // all is in sight
});
afterEach(() => {
  render(null, place);
  place.remove();
  store.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const all = (selector: string) => [...place.querySelectorAll<HTMLElement>(selector)];
function one(selector: string): HTMLElement {
  const found = place.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`no ${selector} in ${place.innerHTML}`);
  return found;
}
const press = (element: HTMLElement) =>
  act(async () => {
    element.click();
    await settled();
  });

async function show(fields: Partial<Message>, props = {}, canWrite = true) {
  const reading = { desk, times: "clock", markdown: false, canWrite } as const;
  await act(() => {
    render(
      <ReadingContext.Provider value={reading}>
        <MessageRow message={message(7, fields)} day={null} head={true} fresh="" {...props} />
      </ReadingContext.Provider>,
      place,
    );
  });
}

const bytes = (text: string) => {
  const { buffer } = new TextEncoder().encode(text);
  return new DataView(buffer as ArrayBuffer);
};
const answerBytes = (text: string, size = text.length) =>
  act(async () => {
    kernel.say({ kind: "response", id: kernel.last("bytes").id, ok: true, result: { size } }, [bytes(text)]);
    await settled();
  });
const answer = (method: string, result: unknown) =>
  act(async () => {
    await kernel.answer(method, result);
    await settled();
  });
const refuse = (method: string, words: string) =>
  act(async () => {
    await kernel.refuse(method, "Forbidden", words);
    await settled();
  });

describe("files", () => {
  const picture = { sid: "ME1", filename: "cup.jpg", contentType: "image/jpeg", size: 6 };

  test.each([
    ["image/png", "picture"],
    ["IMAGE/JPEG; x=1", "picture"],
    ["image/svg+xml", "file"],
    ["image/heic", "file"],
    ["text/html", "file"],
    ["application/xhtml+xml", "file"],
    ["audio/mpeg", "sound"],
    ["video/mp4", "film"],
    ["", "file"],
  ])("%s is shown as a %s", (contentType, kind) => {
    expect(kindOf({ ...picture, contentType })).toBe(kind);
  });

  test("a picture comes in pieces through the kernel, and its address ends with its row", async () => {
    await show({ media: [picture] });
    expect(kernel.last("bytes").params).toEqual({ index: 7, sid: "ME1", start: 0 });
    await answerBytes("abc", 6);
    expect(kernel.last("bytes").params).toEqual({ index: 7, sid: "ME1", start: 3 });
    expect(one("progress").getAttribute("value")).toBe("0.5");
    await answerBytes("def", 6);
    const address = one("img").getAttribute("src") ?? "";
    expect(urls.get(address)?.type).toBe("image/jpeg");
    expect(await urls.get(address)?.text()).toBe("abcdef");
    await show({ media: [] });
    expect(urls.size).toBe(0);
    await show({ media: [picture] });
    expect(all("img")).toHaveLength(1);
    expect(kernel.count("bytes")).toBe(2);
  });

  test("a large picture waits for a press, an SVG is a file that is saved as bytes of no type", async () => {
    const large = { ...picture, size: 9_000_000 };
    const svg = { ...picture, sid: "ME2", filename: "../a\u202Egnp.svg", contentType: "image/svg+xml" };
    await show({ media: [large, svg] });
    expect(kernel.count("bytes")).toBe(0);
    const clicked: HTMLAnchorElement[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push(this);
    });
    await press(one("button.cw-file"));
    await answerBytes("<svg/>");
    expect(clicked.map((each) => each.download)).toEqual(["_agnp.svg"]);
    expect(urls.get(clicked[0]?.getAttribute("href") ?? "")?.type).toBe("application/octet-stream");
    expect(all("img, svg.cw-view")).toEqual([]);
    await press(one("button.cw-view"));
    expect(kernel.last("bytes").params).toMatchObject({ sid: "ME1" });
  });

  test("what cannot be shown after all is a file; what did not come says why and can be tried again", async () => {
    await show({ media: [picture] });
    await refuse("bytes", "gone <b>");
    expect(all("[role=alert]")).toEqual([]); // nobody asked for it
    expect(one("button.cw-view").title).toBe("gone <b>");
    await press(one("button.cw-view"));
    await refuse("bytes", "gone <b>");
    expect(one("[role=alert]").textContent).toContain("gone <b>");
    await press(one("[role=alert] button"));
    await answerBytes("abcdef");
    await act(() => void one("img").dispatchEvent(new Event("error")));
    expect(one(".cw-file-name").textContent).toBe("cup.jpg");
    expect(all("img")).toEqual([]);
  });

  test("sounds and films are fetched on a press only", async () => {
    await show({ media: [{ ...picture, contentType: "audio/mpeg" }] });
    expect(kernel.count("bytes")).toBe(0);
    expect(all("audio")).toEqual([]);
    await press(one("[aria-label='Play cup.jpg']"));
    await answerBytes("sound!");
    expect(urls.get(one("audio").getAttribute("src") ?? "")?.type).toBe("audio/mpeg");
  });

  test("the newest wish comes first, and who has gone by is not served", async () => {
    const files = new Files(store.comm);
    const gone = new AbortController();
    const medium = (sid: string) => ({ ...picture, sid });
    const first = files.get(1, medium("A"));
    const passed = files.get(2, medium("B"), gone.signal);
    const last = files.get(3, medium("C"));
    gone.abort();
    await answerBytes("a");
    expect(await (await first).text()).toBe("a");
    expect(kernel.last("bytes").params.sid).toBe("C");
    await answerBytes("c");
    await last;
    await expect(passed).rejects.toThrow();
    expect(kernel.count("bytes")).toBe(2);
  });

  test("a file that ends before its end is no file", async () => {
    const got = new Files(store.comm).get(1, picture);
    kernel.say({ kind: "response", id: kernel.last("bytes").id, ok: true, result: { size: 9 } }, []);
    await expect(got).rejects.toThrow("ended before");
  });

  test.each([
    ["report.pdf", "report.pdf"],
    ["../../etc/passwd", "_.._etc_passwd"],
    ["a\\b:c*?.txt", "a_b_c__.txt"],
    ["\u202Efdp.exe", "fdp.exe"],
    [".bashrc", "bashrc"],
    [" . ", "ME1"],
    [null, "ME1"],
    [`${"x".repeat(300)}.jpeg`, `${"x".repeat(100)}.jpeg`],
    ["a\nb\u0000c", "abc"],
  ])("%j is saved as %s", (given, name) => {
    expect(safeName(given, "ME1")).toBe(name);
  });
});

describe("rich content", () => {
  const rich = async (type: string, content: unknown, fields: Partial<Message> = {}) => {
    await show({ body: null, content: type, ...fields });
    expect(kernel.last("content").params).toEqual({ index: 7 });
    await answer("content", content);
  };

  test("quick replies are sent as messages when they are pressed", async () => {
    await rich("twilio/quick-reply", {
      type: "quickReply",
      body: "Keep it?",
      replies: [{ title: "Yes" }, { id: "n" }],
    });
    expect(one(".cw-body").textContent).toBe("Keep it?");
    await press(one("button.cw-action"));
    expect(kernel.last("send").params.body).toBe("Yes");
    expect(all("button.cw-action")).toHaveLength(1);
  });

  test("own ones, and those of a thread that is only read, are only shown", async () => {
    await rich("twilio/quick-reply", { type: "quickReply", body: "?", replies: [{ title: "Yes" }] }, { own: true });
    expect((one("button.cw-action") as HTMLButtonElement).disabled).toBe(true);
    await show({ content: "twilio/quick-reply" }, {}, false);
    expect((one("button.cw-action") as HTMLButtonElement).disabled).toBe(true);
    expect(kernel.count("content")).toBe(1); // it is kept
  });

  test("actions lead to safe addresses only", async () => {
    const actions = [
      { type: "url", title: "Go", url: "https://a.example/x" },
      { type: "url", title: "Bad", url: "javascript:alert(1)" },
      { type: "phone", title: "Call", phone: "+351 210 000 000" },
      { type: "other" },
    ];
    await rich("twilio/call-to-action", { type: "callToAction", body: "b", actions });
    expect(all("a").map((each) => each.getAttribute("href"))).toEqual(["https://a.example/x", "tel:+351210000000"]);
    expect(one("span.cw-off").textContent).toBe("Bad");
  });

  test("a place is a link to its coordinates", async () => {
    await rich("twilio/location", { type: "location", latitude: 38.72, longitude: -9.139, label: "<b>Shop</b>" });
    expect(one(".cw-place-name").textContent).toBe("<b>Shop</b>");
    expect(one("a").textContent).toBe("38.7200° N, 9.1390° W");
    expect(one("a").getAttribute("href")).toContain("mlat=38.72&mlon=-9.139");
    expect(placeName(-1, 1)).toBe("1.0000° S, 1.0000° E");
  });

  test("an item of a list is sent", async () => {
    const items = [{ id: "1", item: "Morning", description: "8 to 12" }];
    await rich("twilio/list-picker", { type: "listPicker", body: "When?", button: "Choose", items });
    expect(one("summary").textContent).toBe("Choose");
    await press(one("button.cw-choice"));
    expect(kernel.last("send").params.body).toBe("Morning");
  });

  test("a card shows its pictures as links: the page asks no other host", async () => {
    const card = { type: "card", title: "Plate", subtitle: "34 €", media: ["https://img.example/p.jpg"], actions: [] };
    await rich("twilio/card", card);
    expect(one(".cw-card").textContent).toBe("Plate34 €Media at img.example");
    expect(all("img")).toEqual([]);
  });

  test("what is not known is JSON, folded", async () => {
    await rich("twilio/flows", { type: "other", raw_data: '{"a":"<img src=x>"}' });
    expect(one("summary").textContent).toBe("Content of the type twilio/flows");
    expect(one("pre").textContent).toBe('{\n  "a": "<img src=x>"\n}');
    expect(all("img")).toEqual([]);
  });

  test("what could not be read says so, and is read again", async () => {
    await show({ body: null, content: "twilio/text" });
    await refuse("content", "no net");
    expect(one(".cw-none").textContent).toContain("no net");
    await press(one(".cw-none button"));
    await answer("content", { type: "text", body: "there" });
    expect(one(".cw-body").textContent).toBe("there");
  });

  test.each([null, 7, {}, { type: "location", latitude: "x" }, { type: "card" }, { type: "media", media: 3 }])(
    "%j is shown somehow",
    (value) => {
      expect(["other", "media"]).toContain(contentFrom(value, "twilio/card").kind);
    },
  );

  test("a carousel is its cards", () => {
    const raw = JSON.stringify({ body: "b", cards: [{ title: "A", media: "https://a.example/1" }, {}] });
    const expected = { kind: "cards", body: "b", cards: [{ title: "A", media: ["https://a.example/1"] }] };
    expect(contentFrom({ type: "other", raw_data: raw }, "twilio/carousel")).toMatchObject(expected);
  });
});

describe("emails", () => {
  const text = { sid: "ME9", filename: null, contentType: "text/html", size: 20, category: "body" as const };

  test("HTML is read on a press and put into a frame that may do nothing", async () => {
    await show({ texts: [text] });
    expect(kernel.count("bytes")).toBe(0);
    await press(one(".cw-fold"));
    await answerBytes("<p>Hello</p>");
    await vi.waitFor(() => one("iframe"));
    const frame = one("iframe");
    expect(frame.getAttribute("sandbox")).toBe("");
    expect(frame.getAttribute("srcdoc")).toContain("default-src 'none'");
    expect(frame.getAttribute("srcdoc")).toContain("<p>Hello</p>");
    expect(frame.getAttribute("src")).toBeNull();
  });

  test("text is text", async () => {
    await show({ texts: [{ ...text, contentType: "text/plain", category: "history" }] });
    expect(one(".cw-fold").textContent).toBe("Show earlier emails as text, 20 bytes");
    await press(one(".cw-fold"));
    await answerBytes("<b>x</b>");
    await vi.waitFor(() => expect(all(".cw-body").map((each) => each.textContent)).toContain("<b>x</b>"));
  });

  test("nothing in it acts, asks or leads away", () => {
    const html = `<base href=//e.example><meta http-equiv=refresh content="0;url=//e.example"><link rel=preconnect href=//e.example>
      <a href="https://e.example" ping=//e.example target=_top>a</a><form action=//e.example><button formaction=x>b</button></form>
      <svg><a xlink:href="//e.example">s</a></svg><img src="//e.example/x.gif" srcset="//e.example/y 2x"><p style="color:red">kept</p>`;
    const quiet = new DOMParser().parseFromString(quietDocument(html), "text/html");
    expect(
      quiet.querySelectorAll("a[href], [ping], [target], form, [formaction], svg, base, link, [srcset]"),
    ).toHaveLength(0);
    expect([...quiet.querySelectorAll("meta[http-equiv]")].map((each) => each.getAttribute("http-equiv"))).toEqual([
      "Content-Security-Policy",
    ]);
    expect(quiet.querySelector("a")?.getAttribute("title")).toBe("https://e.example");
    expect(quiet.querySelector("p")?.getAttribute("style")).toBe("color:red");
  });
});

describe("reactions", () => {
  const heart = { name: "heart", count: 2, people: ["Dana", "Priya"], own: true };

  test("are chips with counts and names; a press takes the own one back", async () => {
    await show({ reactions: [heart, { name: "<b>", count: 1, people: ["Jonas"], own: false }] });
    const [first, second] = all(".cw-reaction[aria-pressed]");
    expect(first?.textContent).toBe("❤️ 2");
    expect(first?.title).toBe("Dana, Priya: heart");
    expect([first?.ariaPressed ?? first?.getAttribute("aria-pressed"), second?.getAttribute("aria-pressed")]).toEqual([
      "true",
      "false",
    ]);
    expect(second?.textContent).toBe("<b> 1");
    await press(first as HTMLElement);
    expect(kernel.last("react").params).toEqual({ index: 7, name: "heart", on: false });
    await press(second as HTMLElement);
    expect(kernel.count("react")).toBe(1); // one after the other
    await answer("react", null);
    await press(second as HTMLElement);
    expect(kernel.last("react").params).toEqual({ index: 7, name: "<b>", on: true });
  });

  test("a new one is chosen from a few, Escape closes them, and a refusal is told", async () => {
    await show({});
    await press(one(".cw-add"));
    expect(all(".cw-emoji")).toHaveLength(6);
    await act(
      () => void one(".cw-emoji").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })),
    );
    expect(all(".cw-emoji")).toEqual([]);
    expect(document.activeElement).toBe(one(".cw-add"));
    await press(one(".cw-add"));
    await press(one(".cw-emoji"));
    expect(kernel.last("react").params).toEqual({ index: 7, name: "thumbs_up", on: true });
    await refuse("react", "You may not.");
    expect(one("[role=alert]").textContent).toBe("You may not.");
  });

  test("who only reads sees them and changes nothing", async () => {
    await show({ reactions: [heart] }, {}, false);
    await press(one(".cw-reaction"));
    expect(kernel.count("react")).toBe(0);
    expect(all(".cw-add")).toEqual([]);
  });

  test("names that are no emoji are shown as they are", () => {
    expect([signOf("heart"), signOf("👻"), signOf("constructor")]).toEqual(["❤️", "👻", "constructor"]);
    expect(whoReacted({ ...heart, name: "thumbs_up", count: 5 })).toBe("Dana, Priya and 3 more: thumbs up");
  });
});

describe("receipts", () => {
  const people = [
    {
      name: "<b>Antoine</b>",
      channel: "whatsapp",
      state: "failed",
      at: 1_795_000_000_000,
      by: false,
      code: 63016,
      meaning: "too late",
    },
    { name: "Priya", channel: "chat", state: "read", at: 1_795_000_000_000, by: true, code: 0, meaning: "" },
    { name: "Jonas", channel: "chat", state: "sparkles", at: null },
  ];

  test("pressing the sign asks who got it, and shows states, times and what codes mean", async () => {
    await show({ own: true }, { read: 1, people: 2 });
    expect(one(".cw-delivery").textContent).toBe("Read by 1 of 2 people");
    expect(kernel.count("receipts")).toBe(0);
    await press(one("button.cw-delivery"));
    expect(one("button.cw-delivery").getAttribute("aria-expanded")).toBe("true");
    await answer("receipts", { people, total: 9 });
    const rows = all(".cw-receipts li").map((each) => each.textContent ?? "");
    expect(rows[0]).toMatch(/^<b>Antoine<\/b>WhatsAppFailed.*63016: too late$/);
    expect(rows[1]).toMatch(/^PriyaReadby /);
    expect(rows[2]).toBe("JonasNot known");
    expect(one(".cw-receipts").textContent).toContain("and 6 more");
    await show({ own: true }, { read: 2, people: 2 });
    expect(kernel.count("receipts")).toBe(2); // somebody has read it meanwhile
    await press(one("[aria-label=Close]"));
    expect(all(".cw-receipts")).toEqual([]);
  });

  test("others' messages have none", async () => {
    await show({ own: false }, { read: 1, people: 2 });
    expect(all(".cw-delivery")).toEqual([]);
  });
});

test("a time that is relative moves on, and nothing else renders", async () => {
  vi.useFakeTimers({ now: 1_795_000_000_000 });
  const timers = vi.getTimerCount();
  const reading = { desk, times: "relative", markdown: false, canWrite: true } as const;
  const written = message(7, { dateCreated: Date.now() - 240_000 });
  await act(() => {
    render(
      <ReadingContext.Provider value={reading}>
        <MessageRow message={written} day={null} head={true} fresh="" />
      </ReadingContext.Provider>,
      place,
    );
  });
  const row = one("article").cloneNode(true) as HTMLElement;
  expect(one("time").textContent).toMatch(/^4 /);
  await act(() => void vi.advanceTimersByTime(120_000));
  expect(one("time").textContent).toMatch(/^6 /);
  expect(one("time").title).toMatch(/2026/);
  row.querySelector("time")?.replaceChildren(one("time").textContent ?? "");
  expect(one("article").outerHTML).toBe(row.outerHTML);
  render(null, place);
  await act(() => {});
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(timers);
  vi.useRealTimers();
});
