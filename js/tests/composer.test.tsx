import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, test } from "vitest";
import { traitsOf, type Writing } from "../shared/model";
import { Composer } from "../thread/composer";
import { addressing, BODY_LIMIT, bytesOf, excessOf, isSendable, isSendKey, roomOf, whyNot } from "../thread/composing";
import type { Attachment } from "../thread/sending";
import { Kernel } from "./fakes";

const { writing } = traitsOf(new Kernel());
const whatsapp: Writing = { ...writing, short: ["whatsapp"] };
const file = (size: number, name = "a.png", type = "image/png"): Attachment => {
  const made = new File(["x"], name, { type });
  Object.defineProperty(made, "size", { value: size });
  return { id: `${name} ${size}`, file: made };
};

test.each([
  ["a", 1],
  ["é", 2],
  ["€", 3],
  ["👋", 4],
])("%s takes %d bytes", (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});

test("the limit counts bytes, not letters", () => {
  expect(isSendable("a".repeat(BODY_LIMIT), [], writing)).toBe(true);
  expect(roomOf("a".repeat(BODY_LIMIT), writing)).toEqual({ words: "0 bytes left", isOver: false });
  expect(isSendable("é".repeat(BODY_LIMIT / 2 + 1), [], writing)).toBe(false);
  expect(roomOf("é".repeat(BODY_LIMIT / 2 + 1), writing)?.words).toContain("cut at least 2 bytes");
  expect(roomOf("a".repeat(BODY_LIMIT + 1), writing)?.words).toContain("cut at least 1 byte ");
});

test("room is counted near the limit only", () => {
  expect(roomOf("a".repeat(BODY_LIMIT - 1001), writing)).toBeNull();
  expect(roomOf("a".repeat(BODY_LIMIT - 999), writing)?.words).toBe("999 bytes left");
  expect(roomOf("a".repeat(1439), whatsapp)).toBeNull();
  expect(roomOf("a".repeat(1440), whatsapp)?.words).toBe("160 characters left for WhatsApp");
  expect(roomOf("👋".repeat(1599), whatsapp)?.words).toBe("1 character left for WhatsApp");
});

test("a text that is too long for somebody's channel is not sent", () => {
  expect(isSendable("👋".repeat(1600), [], whatsapp)).toBe(true);
  expect(isSendable("a".repeat(1601), [], whatsapp)).toBe(false);
  expect(roomOf("a".repeat(1612), whatsapp)?.words).toContain("Too long for WhatsApp: cut at least 12 characters");
});

test.each(["", "  ", "\n\t "])("%j is nothing to send, but with a file", (text) => {
  expect(isSendable(text, [], writing)).toBe(false);
  expect(isSendable(text, [file(1)], writing)).toBe(true);
});

test.each([
  [[file(0)], "a.png is empty: nobody could see it."],
  [[file(151 * 1_048_576)], "a.png is too large: 150 MB is the limit for one file."],
  [Array.from({ length: 11 }, (_, at) => file(1, `${at}`)), "Too many files: 10 is the limit for one message."],
  [
    [file(80 * 1_048_576), file(80 * 1_048_576, "b")],
    "Together the files have 168 MB: 150 MB is the limit for one message.",
  ],
])("files that a message cannot carry are named", (files, words) => {
  expect(excessOf(files, writing)).toBe(words);
  expect(isSendable("text", files, writing)).toBe(false);
});

const marta = { name: "Marta", channel: "whatsapp" };
const priya = { name: "Priya", channel: "chat" };
test.each([
  [[], 0, "Write a message"],
  [[priya], 1, "Write to Priya"],
  [[marta], 1, "Write to Marta on WhatsApp"],
  [[priya, { name: "Ben", channel: "chat" }], 2, "Write to Priya and Ben"],
  [[marta, priya], 2, "Write to Marta on WhatsApp and one other"],
  [[priya, priya, priya], 9, "Write to Priya and 8 others"],
  [[marta, { name: "Lea", channel: "sms" }], 2, "Write to Marta on WhatsApp and Lea on SMS"],
])("it says to whom it writes: %#", (to, others, words) => {
  expect(addressing({ ...writing, to, others })).toBe(words);
});

test("why nobody can write", () => {
  const why = (fields: Partial<Writing>, connection = "connected", state = "active", readOnly = false) =>
    whyNot({ ...writing, ...fields }, connection, state, readOnly);
  expect(why({})).toBeNull();
  expect(why({}, "connecting")).toBeNull();
  expect(why({}, "denied")).toContain("access was denied");
  expect(why({}, "disconnected")).toContain("shut down");
  expect(why({ whyNot: "closed" })).toContain("closed");
  expect(why({}, "connected", "closed")).toContain("closed");
  expect(why({ whyNot: "left" })).toContain("not in this conversation");
  expect(why({}, "connected", "active", true)).toContain("read-only");
});

test("Enter sends, unless it makes a line or picks a word of an input method", () => {
  const enter = {
    key: "Enter",
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    isComposing: false,
    keyCode: 13,
  };
  expect(isSendKey(enter, true)).toBe(true);
  expect(isSendKey(enter, false)).toBe(false);
  expect(isSendKey({ ...enter, shiftKey: true }, true)).toBe(false);
  expect(isSendKey({ ...enter, shiftKey: true }, false)).toBe(true);
  for (const enterSends of [true, false]) {
    expect(isSendKey({ ...enter, ctrlKey: true }, enterSends)).toBe(true);
    expect(isSendKey({ ...enter, metaKey: true }, enterSends)).toBe(true);
    expect(isSendKey({ ...enter, altKey: true }, enterSends)).toBe(false);
    expect(isSendKey({ ...enter, shiftKey: !enterSends, isComposing: true }, enterSends)).toBe(false);
    expect(isSendKey({ ...enter, shiftKey: !enterSends, keyCode: 229 }, enterSends)).toBe(false);
    expect(isSendKey({ ...enter, key: "a" }, enterSends)).toBe(false);
  }
});

describe("the composer", () => {
  let place: HTMLElement;
  let events: string[];
  let draft: string;
  let files: readonly Attachment[];
  let enterSends: boolean;

  const paint = () =>
    act(() =>
      render(
        <Composer
          draft={draft}
          files={files}
          writing={writing}
          enterSends={enterSends}
          onFiles={(next) => {
            files = next;
            void paint();
          }}
          onDraft={(text) => {
            draft = text;
          }}
          onSend={(text, sent) => events.push([`send ${text}`, ...sent.map((each) => each.file.name)].join(" + "))}
          onTyping={() => events.push("typing")}
        />,
        place,
      ),
    );
  const field = () => place.querySelector("textarea") as HTMLTextAreaElement;
  const button = () => place.querySelector(".cw-send") as HTMLButtonElement;
  const type = (text: string) =>
    act(() => {
      field().value = text;
      field().dispatchEvent(new InputEvent("input", { bubbles: true }));
    });
  const press = async (fields: KeyboardEventInit) => {
    const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...fields });
    await act(() => void field().dispatchEvent(event));
    return event;
  };

  beforeEach(async () => {
    place = document.createElement("div");
    document.body.append(place);
    events = [];
    draft = "";
    files = [];
    enterSends = true;
    await paint();
    return () => {
      render(null, place);
      place.remove();
    };
  });

  test("has the names that a reader and a test find it by", () => {
    expect(field().getAttribute("aria-label")).toBe("Message");
    expect(button().getAttribute("aria-label")).toBe("Send");
    expect(document.activeElement).toBe(document.body);
  });

  test("sends with Enter and is empty after it", async () => {
    await type("hello");
    expect(draft).toBe("hello");
    const event = await press({});
    expect(event.defaultPrevented).toBe(true);
    expect(events).toEqual(["typing", "send hello"]);
    expect([field().value, draft]).toEqual(["", ""]);
  });

  test("sends with its button, which is off while there is nothing to send", async () => {
    expect(button().disabled).toBe(true);
    await type("hello");
    expect(button().disabled).toBe(false);
    await act(() => button().click());
    expect(events).toEqual(["typing", "send hello"]);
  });

  test("keeps line breaks and spaces as typed", async () => {
    await type("  a\n\n b ");
    await press({});
    expect(events.at(-1)).toBe("send   a\n\n b ");
  });

  test("does not send while an input method composes, nor with Shift", async () => {
    await type("かな");
    for (const fields of [{ isComposing: true }, { shiftKey: true }]) {
      expect((await press(fields)).defaultPrevented).toBe(false);
    }
    expect(events).toEqual(["typing"]);
    expect(field().value).toBe("かな");
  });

  test("keeps a text that is too long, and says how much to cut", async () => {
    const long = "x".repeat(BODY_LIMIT + 1234);
    await type(long);
    await press({});
    expect(events).toEqual(["typing"]);
    expect(field().value).toBe(long);
    expect(button().disabled).toBe(true);
    expect(place.querySelector("[role=alert]")?.textContent).toContain("1,234 bytes");
  });

  test("takes a text that its owner gives back", async () => {
    draft = "discarded";
    await paint();
    expect(field().value).toBe("discarded");
  });

  test("keeps its keys from the host's shortcuts", async () => {
    let heard = 0;
    document.body.addEventListener("keydown", () => heard++, { once: true });
    await press({ key: "a" });
    expect(heard).toBe(0);
  });

  test("makes lines with Enter and sends with Shift+Enter where that is wanted", async () => {
    enterSends = false;
    await paint();
    await type("hello");
    expect((await press({})).defaultPrevented).toBe(false);
    expect((await press({ shiftKey: true })).defaultPrevented).toBe(true);
    expect(events).toEqual(["typing", "send hello"]);
    expect(field().placeholder).toBe("Write a message, Shift+Enter sends");
  });

  const give = (type: string, data: DataTransfer, at: Element = field()) => {
    const event = new Event(type, { bubbles: true, cancelable: true });
    Object.defineProperty(event, type === "paste" ? "clipboardData" : "dataTransfer", { value: data });
    return act(() => void at.dispatchEvent(event)).then(() => event);
  };
  const holding = (types: string[], ...names: string[]) =>
    ({ types, files: names.map((name) => new File(["data"], name, { type: "image/png" })) }) as unknown as DataTransfer;
  const chips = () => [...place.querySelectorAll(".cw-chip-name")].map((each) => each.textContent);

  test("attaches what is pasted, and sends it without a text", async () => {
    const event = await give("paste", holding(["Files"], "image.png"));
    expect(event.defaultPrevented).toBe(true);
    expect(chips()).toEqual(["image.png"]);
    await press({});
    expect(events).toEqual(["send  + image.png"]);
    expect(chips()).toEqual([]);
  });

  test("pastes the text where a program gives a picture of it too", async () => {
    const event = await give("paste", holding(["text/plain", "Files"], "picture.png"));
    expect(event.defaultPrevented).toBe(false);
    expect(chips()).toEqual([]);
  });

  test("each file can be taken away, and the focus stays among them", async () => {
    await give("paste", holding(["Files"], "a.png", "b.png"));
    const remove = () => place.querySelector(".cw-chip button") as HTMLButtonElement;
    expect(remove().getAttribute("aria-label")).toBe("Remove a.png");
    await act(() => remove().click());
    expect(chips()).toEqual(["b.png"]);
    await act(() => remove().click());
    expect(chips()).toEqual([]);
    expect(document.activeElement).toBe(field());
  });
});
