import { useEffect, useState } from "preact/hooks";
import type { EmailText } from "../shared/model";
import { sizeName } from "../shared/text";
import { Body } from "./body";
import { Lost, useFile } from "./media";

/** Nothing is loaded, nothing is sent, nothing runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'";

/** What acts by itself, asks for something or leads away: the frame forbids it too, but for a press on a link. */
const ACTIVE =
  "script, link, meta, base, iframe, frame, frameset, object, embed, form, svg, math, template, video, audio, source, portal";
const LEADING = ["href", "xlink:href", "action", "formaction", "ping", "srcset", "background", "target"];

/** A stranger's HTML as a document of its own, for a frame without any rights. */
export function quietDocument(html: string): string {
  const inert = new DOMParser().parseFromString(html, "text/html");
  for (const element of inert.querySelectorAll(ACTIVE)) element.remove();
  for (const element of inert.querySelectorAll("*")) {
    const href = element.getAttribute("href");
    if (href !== null) element.setAttribute("title", href);
    for (const name of LEADING) element.removeAttribute(name);
  }
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="referrer" content="no-referrer"><style>body{font:14px/1.45 system-ui,sans-serif;margin:12px;overflow-wrap:anywhere;background:#fff;color:#1c2128}</style>${inert.documentElement.outerHTML}`;
}

function textOf(bytes: ArrayBuffer, contentType: string): string {
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

const isHtml = (text: EmailText) => /^text\/html\b/i.test(text.contentType);

/** The texts of an email, each read when somebody presses it. */
export function EmailTexts({ index, texts }: { index: number; texts: readonly EmailText[] }) {
  return (
    <div class="cw-emails">
      {texts.map((text, at) => (
        <Email key={text.sid || at} index={index} text={text} />
      ))}
    </div>
  );
}

function Email({ index, text }: { index: number; text: EmailText }) {
  const [open, setOpen] = useState(false);
  const file = useFile(index, text, open);
  const [read, setRead] = useState<string | null>(null);
  useEffect(() => {
    let stale = false;
    file.blob?.arrayBuffer().then((bytes) => !stale && setRead(textOf(bytes, text.contentType)));
    return () => {
      stale = true;
    };
  }, [file.blob, text.contentType]);
  const what = text.category === "history" ? "earlier emails" : "the whole email";
  const form = isHtml(text) ? "as it was laid out" : "as text";
  const size = text.size === null ? "" : `, ${sizeName(text.size)}`;
  return (
    <>
      <button type="button" class="cw-plain cw-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide" : "Show"} {what} {form}
        {!open && size}
      </button>
      {open && file.part !== null && <progress class="cw-progress" max={1} value={file.part} aria-label="Loading" />}
      {open && <Lost error={file.error} />}
      {open &&
        read !== null &&
        (isHtml(text) ? (
          <iframe class="cw-email" sandbox="" srcdoc={quietDocument(read)} title={`Email, ${what}`} />
        ) : (
          <Body name={text.sid} plain>
            {read}
          </Body>
        ))}
    </>
  );
}
