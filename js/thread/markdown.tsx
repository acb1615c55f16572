/**
 * A small, safe part of Markdown: bold, italic, code, code blocks, lists, quotes and links, as elements made of text nodes.
 *
 * Two underscores are no bold: in notebooks they are names of Python. What is none of these stays the characters it is, HTML above all. Every pattern is bounded, so that no text is slow.
 */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useRef, useState } from "preact/hooks";
import { copyText } from "../shared/clipboard";
import { Link, linkTarget, Text } from "../shared/text";

/** Quotes in quotes, lists in lists, bold in italic: deeper than that it is text. */
const DEEPEST = 4;

/** Lines of a block of code. */
const MOST_CODE = 1000;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]{0,20})/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,12})([-*+]|\d{1,9}[.)])\s+(?=\S)/;
const INLINE =
  /(`{1,3})(?!`)([^\n]{1,1000}?)(?<!`)\1(?!`)|\*\*(?=\S)([^\n]{1,300}?)(?<=\S)\*\*(?!\*)|\*(?=[^\s*])([^*\n]{1,1000}?)(?<=\S)\*|(?<![\p{L}\p{N}_])_(?=[^\s_])([^_\n]{1,1000}?)(?<=\S)_(?![\p{L}\p{N}_])|\[([^[\]\n]{1,300})\]\(([^()\s]{1,2000})\)/gu;

/** `highlight`: what is searched for and marked, folded; "" for nothing. */
export function Markdown({ children, highlight = "" }: { children: string; highlight?: string }) {
  return (
    <div class="cw-markdown">
      <Highlight.Provider value={highlight}>{blocks(children.split(/\r?\n/), 0)}</Highlight.Provider>
    </div>
  );
}

const Highlight = createContext("");

function Plain({ children }: { children: string }) {
  return <Text highlight={useContext(Highlight)}>{children}</Text>;
}

function blocks(lines: readonly string[], depth: number): ComponentChildren[] {
  const made: ComponentChildren[] = [];
  const said: string[] = [];
  const flush = () => {
    const text = said
      .splice(0)
      .join("\n")
      .replace(/^\n+|\n+$/g, "");
    if (text) made.push(<p>{inline(text, 0)}</p>);
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line);
    const end = fence ? closingOf(lines, at, fence[1] ?? "") : -1;
    if (fence && end > at) {
      flush();
      made.push(<Code language={fence[2] ?? ""}>{lines.slice(at + 1, end).join("\n")}</Code>);
      at = end + 1;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      flush();
      const to = runOf(lines, at, (each) => QUOTE.test(each));
      const inner = lines.slice(at, to).map((each) => each.replace(QUOTE, ""));
      made.push(<blockquote>{blocks(inner, depth + 1)}</blockquote>);
      at = to;
    } else if (ITEM.test(line) && depth < DEEPEST) {
      flush();
      const to = runOf(lines, at, (each) => ITEM.test(each) || /^\s+\S/.test(each));
      made.push(list(lines.slice(at, to), depth));
      at = to;
    } else if (line.trim() === "") {
      flush();
      at += 1;
    } else {
      said.push(line);
      at += 1;
    }
  }
  flush();
  return made;
}

/** The line that closes a block of code, or -1. */
function closingOf(lines: readonly string[], from: number, fence: string): number {
  const last = Math.min(lines.length, from + MOST_CODE);
  for (let at = from + 1; at < last; at++) if (lines[at]?.trimStart().startsWith(fence)) return at;
  return -1;
}

/** Where the lines end that go on as the first did. */
function runOf(lines: readonly string[], from: number, goesOn: (line: string) => boolean): number {
  let to = from + 1;
  while (to < lines.length && goesOn(lines[to] ?? "")) to += 1;
  return to;
}

function list(lines: readonly string[], depth: number): ComponentChildren {
  const [, margin = "", mark = ""] = ITEM.exec(lines[0] ?? "") ?? [];
  const items: string[][] = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && (item[1] ?? "").length <= margin.length) items.push([line.slice(item[0].length)]);
    else items[items.length - 1]?.push(line.replace(/^ {1,4}/, ""));
  }
  const made = items.map((each) => <li>{each.length > 1 ? blocks(each, depth + 1) : inline(each[0] ?? "", 0)}</li>);
  const first = Number.parseInt(mark, 10);
  return Number.isNaN(first) ? <ul>{made}</ul> : <ol start={first}>{made}</ol>;
}

function inline(text: string, depth: number): ComponentChildren[] {
  const made: ComponentChildren[] = [];
  let done = 0;
  for (const match of depth < DEEPEST ? text.matchAll(INLINE) : []) {
    const [whole, , code, strong, slanted1, slanted2, label, address] = match;
    const slanted = slanted1 ?? slanted2;
    const target = address === undefined ? null : linkTarget(address);
    if (label !== undefined && target === null) continue;
    if (match.index > done) made.push(<Plain>{text.slice(done, match.index)}</Plain>);
    if (code !== undefined) made.push(<code>{code.length > 2 ? code.replace(/^ (.*) $/, "$1") : code}</code>);
    else if (strong !== undefined) made.push(<strong>{inline(strong, depth + 1)}</strong>);
    else if (slanted !== undefined) made.push(<em>{inline(slanted, depth + 1)}</em>);
    else if (target !== null) made.push(<Link target={target}>{label}</Link>);
    done = match.index + whole.length;
  }
  if (done < text.length) made.push(<Plain>{text.slice(done)}</Plain>);
  return made;
}

function Code({ language, children }: { language: string; children: string }) {
  const block = useRef<HTMLDivElement>(null);
  const [words, setWords] = useState("Copy");
  const copy = async () => {
    if (block.current) setWords((await copyText(children, block.current)) ? "Copied" : "Not allowed");
    setTimeout(() => setWords("Copy"), 2000);
  };
  return (
    <div class="cw-code" ref={block} dir="ltr">
      <div class="cw-code-head">
        <span>{language}</span>
        <button type="button" class="cw-plain" aria-label="Copy the code" onClick={() => void copy()}>
          {words}
        </button>
      </div>
      <pre>
        <code>{children}</code>
      </pre>
    </div>
  );
}
