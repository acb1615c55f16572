import { expect, test } from "vitest";
import { isTakenByHost } from "../shared/keys";

const plain = { ctrlKey: false, metaKey: false, altKey: false };

test.each(["d", "a", "ArrowUp", "PageDown", " ", "Delete"])("%s alone is kept from the notebook", (key) => {
  expect(isTakenByHost({ ...plain, key })).toBe(true);
});

test.each(["Enter", "Escape", "Tab", "F5", "Shift"])("%s is the notebook's", (key) => {
  expect(isTakenByHost({ ...plain, key })).toBe(false);
});

test("so is what comes with Ctrl, Alt or Meta", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) {
    expect(isTakenByHost({ ...plain, key: "s", [modifier]: true })).toBe(false);
  }
});
