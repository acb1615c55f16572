import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { foldedOf, isEmoji } from "../thread/body";
import { Markdown } from "../thread/markdown";

let place: HTMLElement;
beforeEach(() => {
  place = document.createElement("div");
  document.body.append(place);
});
afterEach(() => place.remove());

const all = (selector: string) => [...place.querySelectorAll(selector)];
function made(text: string): string {
  render(<Markdown>{text}</Markdown>, place);
  return place.querySelector(".cw-markdown")?.innerHTML ?? "";
}

describe("Markdown", () => {
  test.each([
    ["**bold** and *slanted*, _slanted_", "<p><strong>bold</strong> and <em>slanted</em>, <em>slanted</em></p>"],
    ["***both***", "<p><strong><em>both</em></strong></p>"],
    ["**a `b` _c_**", "<p><strong>a <code>b</code> <em>c</em></strong></p>"],
    ["snake_case_name, 2 * 3 * 4, __init__.py", "<p>snake_case_name, 2 * 3 * 4, __init__.py</p>"],
    ["a ** b ** c, * d *", "<p>a ** b ** c, * d *</p>"],
    ["`**not bold**`", "<p><code>**not bold**</code></p>"],
    ["``a ` b``", "<p><code>a ` b</code></p>"],
    ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"],
    ["> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"],
    ["- a\n- b\n  - c\n\nd", "<ul><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ul><p>d</p>"],
    ["3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'],
    ["# a\n\n---\n\n| b | c |", "<p># a</p><p>---</p><p>| b | c |</p>"],
    ["```\nnever closed", "<p>```\nnever closed</p>"],
    ["", ""],
  ])("%j", (text, html) => {
    expect(made(text)).toBe(html);
  });

  test("a code block keeps its characters", () => {
    made("~~~py\nif a < b:\n    **c**\n~~~");
    expect(place.querySelector("pre")?.textContent).toBe("if a < b:\n    **c**");
    expect(place.querySelector(".cw-code-head span")?.textContent).toBe("py");
  });

  test("links go to http, https, mailto and tel only; others stay the text that they are", () => {
    made(
      "[a](https://a.example/x) [b](javascript:alert(1)) [c](data:text/html,x) [d](mailto:m@a.example) [e](//a.example)",
    );
    expect(all("a").map((each) => each.getAttribute("href"))).toEqual(["https://a.example/x", "mailto:m@a.example"]);
    expect(place.textContent).toContain("[b](javascript:alert(1))");
    expect(all("a").every((each) => each.getAttribute("rel")?.includes("noopener"))).toBe(true);
    expect(all("a").map((each) => each.getAttribute("title"))).toEqual(["https://a.example/x", "mailto:m@a.example"]);
  });

  test.each([
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "**<b onclick=x>**",
    "- <svg/onload=x>",
    "![x](https://a.example/x.png)",
  ])("%s makes no element but ours", (text) => {
    made(text);
    expect(all("img, script, b, svg, [onerror], [onclick], [onload]")).toEqual([]);
  });

  test.each([
    "*".repeat(30_000),
    "[".repeat(30_000),
    "> ".repeat(15_000),
    "`a".repeat(15_000),
    "_a ".repeat(10_000),
    "- ".repeat(15_000),
    "**a".repeat(10_000),
    "[a](".repeat(8_000),
    " - a\n".repeat(6_000),
    "~~~\n".repeat(8_000),
    "~~~\n```\n".repeat(4_000),
  ])("32 KB of one sign do not hold the page up: %.8s", (text) => {
    const start = performance.now();
    Markdown({ children: text }); // what it makes of it; the page is spared
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("a code block is copied as it is", async () => {
    const writeText = vi.fn(async () => {});
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
    Object.defineProperty(window.navigator, "clipboard", { value: { writeText }, configurable: true });
    made("```\n<b>x</b>\n```");
    await act(async () => {
      (place.querySelector("button") as HTMLElement).click();
      await Promise.resolve();
    });
    expect(writeText).toHaveBeenCalledWith("<b>x</b>");
    vi.unstubAllGlobals();
  });
});

describe("folding", () => {
  test("short texts are whole", () => {
    expect(foldedOf("short")).toBeNull();
    expect(foldedOf("x".repeat(1400))).toBeNull();
    expect(foldedOf("a\n".repeat(20))).toBeNull();
  });

  test("long texts and many lines are cut between words", () => {
    const words = "word ".repeat(2000);
    expect(foldedOf(words)?.endsWith("word ")).toBe(true);
    expect(foldedOf(words)?.length).toBeLessThanOrEqual(900);
    expect(foldedOf("a\n".repeat(100))?.split("\n")).toHaveLength(24);
  });

  test.each([0, 1, 500, 890, 899])("an address at %d is never cut to another one", (at) => {
    const address = `https://a.example/${"x".repeat(1200)}`;
    const text = `${"y ".repeat(at / 2)} ${address} ${"z ".repeat(3000)}`.slice(1);
    const shown = foldedOf(text) ?? text;
    expect(shown.includes(address) || !shown.includes("https")).toBe(true);
  });

  test("a word of 32 KB is cut, and no character is halved", () => {
    expect(foldedOf("🎉".repeat(8000))?.replaceAll("🎉", "")).toBe("");
    expect(foldedOf("x".repeat(32_000))?.length).toBeLessThan(2200);
  });
});

test.each([
  ["🎉", true],
  ["👩‍🚀 👍🏽", true],
  ["🇵🇹❤️", true],
  ["🎉 yes", false],
  ["123", false],
  ["", false],
  ["©", true],
  ["🎉".repeat(30), false],
])("%s is nothing but emoji: %s", (text, expected) => {
  expect(isEmoji(text)).toBe(expected);
});
