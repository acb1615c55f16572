import { render } from "preact";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, test } from "vitest";
import { BODY_LIMIT, bytesOf, Composer, excessNote, isSendable, isSendKey } from "../thread/composer";

test.each([
  ["a", 1],
  ["é", 2],
  ["€", 3],
  ["👋", 4],
])("%s takes %d bytes", (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});

test("the limit counts bytes, not letters", () => {
  expect(isSendable("a".repeat(BODY_LIMIT))).toBe(true);
  expect(excessNote("a".repeat(BODY_LIMIT))).toBeNull();
  expect(isSendable("é".repeat(BODY_LIMIT / 2 + 1))).toBe(false);
  expect(excessNote("é".repeat(BODY_LIMIT / 2 + 1))).toContain("cut at least 2 bytes");
  expect(excessNote("a".repeat(BODY_LIMIT + 1))).toContain("cut at least 1 byte ");
});

test.each(["", "  ", "\n\t "])("%j is nothing to send", (text) => {
  expect(isSendable(text)).toBe(false);
});

test("Enter sends, unless it makes a line or picks a word of an input method", () => {
  const enter = { key: "Enter", shiftKey: false, isComposing: false, keyCode: 13 };
  expect(isSendKey(enter)).toBe(true);
  expect(isSendKey({ ...enter, shiftKey: true })).toBe(false);
  expect(isSendKey({ ...enter, isComposing: true })).toBe(false);
  expect(isSendKey({ ...enter, keyCode: 229 })).toBe(false);
  expect(isSendKey({ ...enter, key: "a" })).toBe(false);
});

describe("the composer", () => {
  let place: HTMLElement;
  let events: string[];
  let draft: string;

  const paint = () =>
    act(() =>
      render(
        <Composer
          draft={draft}
          onDraft={(text) => {
            draft = text;
          }}
          onSend={(text) => events.push(`send ${text}`)}
          onTyping={() => events.push("typing")}
        />,
        place,
      ),
    );
  const field = () => place.querySelector("textarea") as HTMLTextAreaElement;
  const button = () => place.querySelector("button") as HTMLButtonElement;
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
});
