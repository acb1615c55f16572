import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Plane } from "../shared/icons";

/** The service takes bodies up to this many bytes of UTF-8. */
export const BODY_LIMIT = 32_768;
const SHOWN_LINES = 6;

const encoder = new TextEncoder();
export const bytesOf = (text: string): number => encoder.encode(text).length;

/** What to do about a text that is too long, or null. */
export function excessNote(text: string): string | null {
  const excess = bytesOf(text) - BODY_LIMIT;
  if (excess <= 0) return null;
  const count = excess.toLocaleString("en");
  return `Too long to send: cut at least ${count} ${excess === 1 ? "byte" : "bytes"} (32 KB is the limit; a letter is one to four bytes).`;
}

export const isSendable = (text: string): boolean => text.trim() !== "" && bytesOf(text) <= BODY_LIMIT;

/** Enter sends; not with Shift, and not the Enter that picks a word in an input method (229 is Safari's way to say so). */
export const isSendKey = (event: Pick<KeyboardEvent, "key" | "shiftKey" | "isComposing" | "keyCode">): boolean =>
  event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;

interface Props {
  /** The text that is typed and not sent; the owner keeps it while the composer is away. */
  draft: string;
  onDraft(text: string): void;
  onSend(text: string): void;
  onTyping(): void;
}

export function Composer({ draft, onDraft, onSend, onTyping }: Props) {
  const [text, setText] = useState(draft);
  const field = useRef<HTMLTextAreaElement>(null);
  const note = excessNote(text);
  const sendable = isSendable(text);

  const write = (next: string) => {
    setText(next);
    onDraft(next);
  };
  const send = () => {
    if (!sendable) return;
    write("");
    onSend(text);
    field.current?.focus({ preventScroll: true });
  };

  useLayoutEffect(() => setText(draft), [draft]);
  useLayoutEffect(() => grow(field.current), [text]);

  return (
    <form
      class="cw-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {note && (
        <p class="cw-excess" role="alert">
          {note}
        </p>
      )}
      <div class="cw-compose">
        <textarea
          ref={field}
          class="cw-field"
          rows={1}
          aria-label="Message"
          aria-invalid={note !== null}
          placeholder="Write a message, Enter sends"
          dir="auto"
          value={text}
          onInput={(event) => {
            const { value } = event.currentTarget;
            write(value);
            if (value.trim() !== "") onTyping();
          }}
          onKeyDown={(event) => {
            event.stopPropagation(); // the host's shortcuts are not for a text being written
            if (!isSendKey(event)) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="cw-send" disabled={!sendable} aria-label="Send" title="Send (Enter)">
          <span class="cw-send-word">Send</span>
          <Plane />
        </button>
      </div>
    </form>
  );
}

/** As high as its text, up to six lines; then it scrolls inside. */
function grow(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  const style = getComputedStyle(field);
  const line = Number.parseFloat(style.lineHeight) || 20;
  const edges = field.offsetHeight - field.clientHeight;
  const padding = Number.parseFloat(style.paddingTop) + Number.parseFloat(style.paddingBottom) || 0;
  const most = line * SHOWN_LINES + padding;
  field.style.height = `${Math.min(field.scrollHeight, most) + edges}px`;
  field.style.overflowY = field.scrollHeight > most ? "auto" : "hidden";
}
