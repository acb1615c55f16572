import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, test } from "vitest";
import { AVATAR_COLOURS, colourOf, initialsOf } from "../shared/avatar";
import type { Delivery, Message } from "../shared/model";
import { linkTarget, sizeName } from "../shared/text";
import { dayName } from "../shared/time";
import { PendingRow } from "../thread/pending";
import { reachOf, readersOf } from "../thread/receipts";
import { contextOf, MessageRow } from "../thread/row";
import type { Pending } from "../thread/sending";
import { message } from "./fakes";

let place: HTMLElement;
beforeEach(() => {
  place = document.createElement("div");
});

function show(fields: Partial<Message>, context = { day: null as string | null, head: true, fresh: "" }) {
  render(<MessageRow message={message(7, fields)} {...context} />, place);
  return place;
}
const press = (selector: string) =>
  act(() => {
    for (const each of all(selector)) (each as HTMLElement).click();
  });
const unfold = () => press(".cw-fold[aria-expanded=false]");
const all = (selector: string) => [...place.querySelectorAll(selector)];
const one = (selector: string) => {
  const found = place.querySelector(selector);
  if (!found) throw new Error(`no ${selector} in ${place.innerHTML}`);
  return found;
};

describe("a stranger's text", () => {
  const attacks = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "</div></article><iframe src=//evil.example></iframe>",
    '"><a href="javascript:alert(1)">x</a>',
    "&lt;b&gt; &#60;b&#62;",
    "{{constructor.constructor('alert(1)')()}}",
  ];

  test.each(attacks)("%s is shown as it is, wherever it stands", (text) => {
    const medium = { sid: "ME1", filename: text, contentType: text, size: 1 };
    show({ body: text, name: text, author: text, subject: text, channel: text, media: [medium], sid: text });
    expect(one(".cw-body").textContent).toBe(text);
    expect(one(".cw-name").textContent).toBe(text);
    expect(one(".cw-subject").textContent).toBe(text);
    expect(one(".cw-badge").textContent).toBe(text);
    expect(one(".cw-file-name").textContent).toBe(text);
    expect(all("img, script, iframe, a, b, [onerror], [onload]")).toEqual([]);
  });

  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://a.example/x",
    "http://",
    "https://[",
    "xhttps://a.example",
    `https://a.example/${"a".repeat(3000)}`,
  ])("%s is no link", (text) => {
    show({ body: text });
    expect(all("a")).toEqual([]);
    unfold();
    expect(all("a")).toEqual([]);
    expect(one(".cw-body").textContent).toBe(text);
  });

  test.each([
    ["see https://a.example/b?c=d#e, please", "https://a.example/b?c=d#e"],
    ["(https://a.example/x_(y)).", "https://a.example/x_(y)"],
    ["HTTP://A.example", "HTTP://A.example"],
    ["“https://a.example/b”", "https://a.example/b"],
    ["<https://a.example/b>", "https://a.example/b"],
    ["https://a.example/🎉!", "https://a.example/🎉"],
  ])("%s has a safe link", (text, shown) => {
    show({ body: text });
    const link = one("a") as HTMLAnchorElement;
    expect(link.textContent).toBe(shown);
    expect(link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(link.getAttribute("target")).toBe("_blank");
    expect(link.getAttribute("href")).toBe(new URL(shown).href);
    expect(one(".cw-body").textContent).toBe(text);
  });

  test("only http and https are targets, whoever asks", () => {
    const others = [
      "javascript:alert(1)",
      "data:text/html,x",
      "file:///x",
      "blob:https://a.example/x",
      "//a.example",
      "",
    ];
    expect(others.map(linkTarget)).toEqual(others.map(() => null));
  });

  test("32 KB of brackets behind an address do not hold the page up", () => {
    const start = performance.now();
    show({ body: `https://a.example/${")".repeat(2000)} `.repeat(16) });
    unfold();
    expect(performance.now() - start).toBeLessThan(1000);
    expect(all("a")).toHaveLength(16);
  });

  test("line breaks, emoji, right-to-left and piled-up marks stay as they are", () => {
    for (const body of [
      "a\n\n  b",
      "👩‍👩‍👧‍👦 👍🏽",
      "مرحبا https://a.example",
      "\u202Eevil\u202C",
      `Z${"\u0301".repeat(200)}`,
    ]) {
      show({ body });
      expect(one(".cw-body").textContent).toBe(body);
      expect(one(".cw-body").getAttribute("dir")).toBe("auto");
    }
  });

  test("a name is isolated from the text beside it", () => {
    show({ name: "\u202Eevil" });
    expect(one(".cw-name").tagName).toBe("BDI");
  });

  test.each([Number.NaN, 1e300, -1e300, Number.POSITIVE_INFINITY])("a date of %d breaks nothing", (dateCreated) => {
    show({ dateCreated });
    expect(all("time")).toEqual([]);
    expect(contextOf(message(2, { dateCreated }), message(1))).toEqual({ day: null, head: false, fresh: "" });
  });
});

describe("a row", () => {
  test("carries its index and sid, its author and its time", () => {
    show({ dateCreated: Date.UTC(2026, 10, 19, 8, 58, 12) });
    const row = one("article");
    expect([row.getAttribute("data-index"), row.getAttribute("data-sid")]).toEqual(["7", "IM7"]);
    expect(row.getAttribute("aria-label")).toMatch(/^Marta Oliveira, \d\d:\d\d$/);
    expect(one("time").getAttribute("datetime")).toBe("2026-11-19T08:58:12.000Z");
    expect(one("time").getAttribute("title")).toMatch(/2026.*58:12/);
  });

  test("under its author's name still tells a screen reader who it is from", () => {
    show({}, { day: null, head: false, fresh: "" });
    expect(all(".cw-avatar, .cw-name")).toEqual([]);
    expect(one(".cw-hidden").textContent).toBe("Marta Oliveira: ");
  });

  test("names its channel unless it is chat", () => {
    expect(show({ channel: "chat" }).querySelector(".cw-badge")).toBeNull();
    show({ channel: "whatsapp" });
    expect(one(".cw-badge").textContent).toBe("WhatsApp");
  });

  test("is marked when it was edited", () => {
    expect(show({ edited: false }).textContent).not.toContain("(edited)");
    expect(show({ edited: true }).textContent).toContain("(edited)");
    expect(one(".cw-body").textContent).toBe("message 7");
  });

  test("with files only has chips and no empty text", () => {
    const media = [
      { sid: "ME1", filename: "broken-cup.heic", contentType: "image/heic", size: 1_234_567 },
      { sid: "ME2", filename: null, contentType: "", size: null },
      { sid: "ME3", filename: "list.csv", contentType: "text/csv", size: 900 },
    ];
    show({ body: null, media });
    expect(all(".cw-body")).toEqual([]);
    expect(all(".cw-file-text").map((each) => each.textContent)).toEqual([
      "broken-cup.heic1.2 MB · image",
      "Unnamed filefile",
      "list.csv900 bytes · CSV",
    ]);
  });

  test("of the service, or of a message that was removed, is a quiet line", () => {
    show({ system: true, author: "system", body: "Dana <b>left</b>." });
    expect(one(".cw-quiet").textContent).toMatch(/^Dana <b>left<\/b>\./);
    show({ deleted: true, body: null });
    expect(one(".cw-deleted").textContent).toMatch(/^Marta Oliveira: Message deleted/);
    expect(all("article, .cw-avatar, .cw-name, b")).toEqual([]);
  });

  test("without anything says so", () => {
    expect(show({ body: null }).textContent).toContain("No text");
  });
});

describe("delivery", () => {
  const none: Delivery = {
    total: 3,
    sent: "none",
    delivered: "none",
    read: "none",
    failed: "none",
    undelivered: "none",
  };

  test.each([
    [{}, 0, 0, { sign: "sent", words: "Sent" }],
    [{ sent: "all" }, 0, 0, { sign: "sent", words: "Sent" }],
    [{ sent: "all", delivered: "some" }, 0, 0, { sign: "delivered", words: "Delivered to some people" }],
    [{ delivered: "all" }, 0, 0, { sign: "delivered", words: "Delivered to all 3 people" }],
    [{ delivered: "all" }, 0, 1, { sign: "delivered", words: "Delivered to some people" }],
    [{ delivered: "all", read: "all" }, 0, 0, { sign: "read", words: "Read by all 3 people" }],
    [{ read: "all" }, 0, 1, { sign: "read", words: "Read by some people" }],
    [{ read: "all" }, 1, 1, { sign: "read", words: "Read by all 4 people" }],
    [{ read: "some", failed: "some" }, 0, 0, { sign: "failed", words: "Not delivered to some people" }],
    [{ undelivered: "all" }, 0, 0, { sign: "failed", words: "Not delivered" }],
    [{ undelivered: "all" }, 1, 2, { sign: "failed", words: "Not delivered to some people" }],
    [{ total: 1, read: "all" }, 0, 0, { sign: "read", words: "Read by the recipient" }],
    [{ total: 0 }, 1, 3, { sign: "read", words: "Read by 1 of 3 people" }],
    [{ total: 0 }, 1, 1, { sign: "read", words: "Read by the recipient" }],
  ] as const)("%j, read by %d of %d on chat", (fields, read, people, expected) => {
    expect(reachOf({ ...none, ...fields }, read, people)).toEqual(expected);
  });

  test("readers are those who have read up to the message", () => {
    const readers = [
      { index: 9, count: 1 },
      { index: 7, count: 2 },
      { index: -1, count: 4 },
    ];
    expect(readersOf(readers, 7)).toEqual({ read: 3, people: 7 });
    expect(readersOf(readers, 10)).toEqual({ read: 0, people: 7 });
  });

  test("is shown, in words too, for own messages only", () => {
    const delivery: Delivery = { ...none, read: "all" };
    show({ own: true, delivery });
    expect(one(".cw-delivery").textContent).toBe("Read by all 3 people");
    show({ own: false, delivery });
    expect(all(".cw-delivery")).toEqual([]);
  });
});

describe("grouping", () => {
  const noon = new Date(2026, 10, 19, 12).getTime();
  const at = (minutes: number, fields = {}) => message(1, { dateCreated: noon + minutes * 60_000, ...fields });

  test("one author within five minutes stands under one name", () => {
    expect(contextOf(at(5), at(0)).head).toBe(false);
    expect(contextOf(at(6), at(0)).head).toBe(true);
    expect(contextOf(at(1, { author: "dana" }), at(0)).head).toBe(true);
    expect(contextOf(at(1, { channel: "sms" }), at(0)).head).toBe(true);
  });

  test("a quiet line has no name, and what follows it has one again", () => {
    expect(contextOf(at(1, { deleted: true }), at(0)).head).toBe(false);
    expect(contextOf(at(2), at(1, { deleted: true })).head).toBe(true);
  });

  test("a new day gets its line, as does the first message", () => {
    expect(contextOf(at(0), null).day).not.toBeNull();
    expect(contextOf(at(1), at(0)).day).toBeNull();
    const midnight = new Date(2026, 10, 20).getTime();
    const context = contextOf(at(0, { dateCreated: midnight + 1 }), at(0, { dateCreated: midnight - 1 }));
    expect(context).toMatchObject({ head: true, day: dayName(midnight) });
  });

  test("days near now have names, others a date, with the year when it is another", () => {
    expect(dayName(noon, noon)).toBe("Today");
    expect(dayName(noon - 86_400_000, noon)).toBe("Yesterday");
    expect(dayName(new Date(2026, 2, 5).getTime(), noon)).not.toContain("2026");
    expect(dayName(new Date(2025, 2, 5).getTime(), noon)).toContain("2025");
  });
});

describe("avatars", () => {
  const channel = (hex: string, at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  test.each(AVATAR_COLOURS)("white letters are readable on %s", (hex) => {
    const luminance = 0.2126 * channel(hex, 1) + 0.7152 * channel(hex, 3) + 0.0722 * channel(hex, 5);
    expect(1.05 / (luminance + 0.05)).toBeGreaterThanOrEqual(4.5);
  });

  test("an author has one colour, people have several", () => {
    expect(colourOf("marta")).toBe(colourOf("marta"));
    const people = Array.from({ length: 200 }, (_, at) => colourOf(`person-${at}`));
    expect(new Set(people).size).toBe(AVATAR_COLOURS.length);
  });

  test.each([
    ["Marta Oliveira", "MO"],
    ["dana", "D"],
    ["Ana Maria de Souza", "AS"],
    ["lea@north.example", "L"],
    ["+44 7700 900310", "10"],
    ["👩‍🚀 Tom", "👩‍🚀T"],
    ["علي حسن", "عح"],
    ["", "?"],
    ["\u202E", "?"],
    [`Z${"\u0301".repeat(200)}`, "Z"],
  ])("%s is shown as %s", (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1.0 KB"],
  [1_234_567, "1.2 MB"],
  [999_950, "1.0 MB"],
  [123_456_789, "123 MB"],
  [-5, "0 bytes"],
])("%d is %s", (bytes, name) => {
  expect(sizeName(bytes)).toBe(name);
});

describe("an own message on its way", () => {
  const pending: Pending = {
    ...{ localId: "a", conversationSid: "CH1", body: "<b>hi</b>", date: 0, status: "sending", files: [], upload: null },
    ...{ error: null, index: null, claimed: null, after: 0 },
  };
  const clicks: string[] = [];
  const showPending = (fields: Partial<Pending>) =>
    render(
      <PendingRow
        {...{
          held: null,
          pending: { ...pending, ...fields },
          author: "dana",
          name: "Dana",
          day: null,
          head: true,
          fresh: "",
        }}
        onRetry={() => clicks.push("retry")}
        onDiscard={() => clicks.push("discard")}
        onCancel={() => clicks.push("cancel")}
      />,
      place,
    );

  test("says that it is being sent", () => {
    showPending({});
    expect(one(".cw-delivery").textContent).toBe("sending…");
    expect(one(".cw-body").textContent).toBe("<b>hi</b>");
    expect(all("b, [role=alert]")).toEqual([]);
  });

  test("looks like a message once it is sent", () => {
    showPending({ status: "sent" });
    expect(all(".cw-delivery, [role=alert]")).toEqual([]);
  });

  test("says why it was not sent and what can be done", () => {
    showPending({ status: "failed", error: "<i>Throttled</i>" });
    expect(one("[role=alert]").textContent).toContain("Not sent: <i>Throttled</i>");
    for (const button of all("button")) (button as HTMLElement).click();
    expect(clicks).toEqual(["retry", "discard"]);
  });
});
