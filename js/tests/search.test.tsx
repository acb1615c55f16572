import { render } from "preact";
import { expect, test } from "vitest";
import { folded, placesOf } from "../shared/search";
import { Text } from "../shared/text";

test.each([
  ["Café au lait", "cafe au lait"],
  ["cafe\u0301", "cafe"],
  ["ÅNGSTRÖM", "angstrom"],
  ["ﬁne", "fine"],
  ["Ελλάδα", "ελλαδα"],
])("%s is compared as %s", (text, plain) => expect(folded(text)).toBe(plain));

test.each([
  ["refund", "A Refund, REFUND!", ["Refund", "REFUND"]],
  ["cafe", "le cafe\u0301 et le Café", ["cafe\u0301", "Café"]],
  ["fin", "ﬁne", ["ﬁn"]],
  ["a", "👍🏽 a 👩‍👧", ["a"]],
  ["aa", "aaaa", ["aa", "aa"]],
  ["", "anything", []],
  ["x", "\u0301x\u0301", ["x\u0301"]],
])("%s stands in %s", (needle, text, found) => {
  expect(placesOf(needle, text).map(([from, to]) => text.slice(from, to))).toEqual(found);
});

test("marks are elements of their own, also in an address, and nothing else becomes one", () => {
  const el = document.createElement("div");
  render(<Text highlight="refund">{"<b>Refund</b> https://shop.example/refund"}</Text>, el);
  expect([...el.querySelectorAll("mark")].map((each) => each.textContent)).toEqual(["Refund", "refund"]);
  expect(el.textContent).toBe("<b>Refund</b> https://shop.example/refund");
  expect(el.querySelector("b")).toBeNull();
  expect(el.querySelector("a mark")).not.toBeNull();
});
