import { afterEach, expect, test } from "vitest";
import widget from "../inbox/index";
import { Parts } from "../shared/parts";
import { type AnyModel, unsealed } from "../shared/values";
import { Kernel, settled } from "./fakes";

let clean: (() => void) | undefined;
afterEach(() => clean?.());

const sealed = (value: unknown) => ({ json: JSON.stringify(value).replaceAll("<", "\\u003c") });

test("what was sealed is read back, the same each time; anything else stays as it is", () => {
  const value = sealed({ body: '</script><img src=x onerror="1">' });
  expect(JSON.stringify(value)).not.toContain("<");
  expect(unsealed(value)).toEqual({ body: '</script><img src=x onerror="1">' });
  expect(unsealed(value)).toBe(unsealed(value));
  expect(unsealed(sealed("<title>"))).toBe("<title>");
  for (const other of ["{}", 7, null, [{ json: "1" }], { json: 1 }, { json: "1", more: 2 }]) {
    expect(unsealed(other)).toBe(other);
  }
  expect(unsealed({ json: "no JSON" })).toBeNull();
});

test("views and parts see values as they were", async () => {
  const first = { rows: [{ sid: "CH1", title: "</script>", last_date: 0 }], shown: 1, total: 1 };
  const kernel = new Kernel({ _first: sealed(first), _columns: [], _parts: { inbox: { _first: sealed(first) } } });
  const el = document.createElement("div");
  clean = widget.render({ model: kernel, el });
  await settled();
  const parts: AnyModel[] = [];
  new Parts(kernel, (_, part) => parts.push(part)).close();
  expect(parts[0]?.get("_first")).toEqual(first);
  expect(el.querySelector(".cw-inbox")).not.toBeNull();
});
