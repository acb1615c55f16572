import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { randomId } from "../shared/comm";
import { Clip, Cross, FileIcon, Plane } from "../shared/icons";
import { useKeys } from "../shared/keys";
import type { Writing } from "../shared/model";
import { sizeName } from "../shared/text";
import { addressing, excessOf, isSendable, isSendKey, limitsWords, roomOf } from "./composing";
import type { Attachment } from "./sending";

const SHOWN_LINES = 6;

interface Props {
  /** The text that is typed and the files that go with it; the owner keeps them while the composer is away. */
  draft: string;
  files: readonly Attachment[];
  writing: Writing;
  enterSends: boolean;
  onDraft(text: string): void;
  onFiles(files: readonly Attachment[]): void;
  onSend(text: string, files: readonly Attachment[]): void;
  onTyping(): void;
}

export function Composer({ draft, files, writing, enterSends, onDraft, onFiles, onSend, onTyping }: Props) {
  const [text, setText] = useState(draft);
  const form = useRef<HTMLFormElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const room = roomOf(text, writing);
  const note = room?.isOver ? room.words : excessOf(files, writing);
  const sendable = isSendable(text, files, writing);
  const sendName = enterSends ? "Enter" : "Shift+Enter";

  const write = (next: string) => {
    setText(next);
    onDraft(next);
  };
  const attach = (added: Iterable<File> | null | undefined) => {
    const fresh = [...(added ?? [])].map((file) => ({ id: randomId(), file }));
    if (fresh.length > 0) onFiles([...files, ...fresh]);
  };
  const send = () => {
    if (!sendable) return;
    write("");
    if (files.length > 0) onFiles([]);
    onSend(text, files);
    field.current?.focus({ preventScroll: true });
  };

  useLayoutEffect(() => setText(draft), [draft]);
  useLayoutEffect(() => grow(field.current), [text]);
  useKeys(field, (event) => {
    if (!isSendKey(event, enterSends)) return event.key === "Enter" ? "ours" : null;
    send();
    return "done";
  });
  const isOver = useDrop(form, attach);

  return (
    <form
      ref={form}
      class="cw-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {isOver && <div class="cw-drop">Drop files to attach them</div>}
      {note && (
        <p class="cw-excess" role="alert">
          {note}
        </p>
      )}
      {files.length > 0 && <Chips files={files} onFiles={onFiles} after={field} />}
      <div class="cw-compose">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files"
          onChange={(event) => {
            attach(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
        <button
          type="button"
          class="cw-attach"
          aria-label="Attach files"
          title={limitsWords(writing)}
          onClick={() => picker.current?.click()}
        >
          <Clip />
        </button>
        <textarea
          ref={field}
          class="cw-field"
          rows={1}
          aria-label="Message"
          aria-description={`${addressing(writing)}. ${sendName} sends.`}
          aria-invalid={note !== null}
          placeholder={`${addressing(writing)}, ${sendName} sends`}
          dir="auto"
          value={text}
          onInput={(event) => {
            const { value } = event.currentTarget;
            write(value);
            if (value.trim() !== "") onTyping();
          }}
          onKeyDown={(event) => event.stopPropagation()} // the host's shortcuts are not for a text being written
          onPaste={(event) => {
            const pasted = event.clipboardData;
            if (!pasted || pasted.files.length === 0 || pasted.types.includes("text/plain")) return;
            event.preventDefault();
            attach(pasted.files);
          }}
        />
        <button type="submit" class="cw-send" disabled={!sendable} aria-label="Send" title={`Send (${sendName})`}>
          <span class="cw-send-word">Send</span>
          <Plane />
        </button>
      </div>
      {room && !room.isOver && <p class="cw-room">{room.words}</p>}
    </form>
  );
}

interface ChipsProps {
  files: readonly Attachment[];
  onFiles(files: readonly Attachment[]): void;
  /** Where the focus goes when the last one is removed. */
  after: { readonly current: HTMLElement | null };
}

/** What goes with the message, to be seen and taken away. */
function Chips({ files, onFiles, after }: ChipsProps) {
  const list = useRef<HTMLUListElement>(null);
  const remove = (at: number) => {
    onFiles(files.filter((_, place) => place !== at));
    const buttons = list.current?.querySelectorAll("button");
    const next = buttons?.[at + 1] ?? buttons?.[at - 1] ?? after.current;
    next?.focus({ preventScroll: true });
  };
  return (
    <ul ref={list} class="cw-chips" aria-label="Attachments">
      {files.map(({ id, file }, at) => (
        <li key={id} class="cw-chip">
          <FileIcon contentType={file.type} />
          <bdi class="cw-chip-name" title={file.name}>
            {file.name || "Unnamed file"}
          </bdi>
          <span class="cw-chip-size">
            {[/^(image|audio|video|text)\b/.exec(file.type)?.[0], sizeName(file.size)].filter(Boolean).join(" · ")}
          </span>
          <button
            type="button"
            class="cw-bare"
            aria-label={`Remove ${file.name}`}
            title="Remove"
            onClick={() => remove(at)}
          >
            <Cross />
          </button>
        </li>
      ))}
    </ul>
  );
}

const DRAGS = ["dragenter", "dragover", "dragleave", "drop"] as const;

/** Takes files that are dropped anywhere on the widget; whether some are held over it. */
function useDrop(form: { readonly current: HTMLElement | null }, attach: (files: FileList) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const taken = useRef(attach);
  taken.current = attach;
  useEffect(() => {
    const widget = form.current?.closest<HTMLElement>(".cw");
    if (!widget) return;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const onDrag = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault(); // else the browser would open them
      event.stopPropagation();
      const isInside = widget.contains(event.relatedTarget as Node | null);
      setIsOver(event.type !== "drop" && (event.type !== "dragleave" || isInside));
      if (event.type === "drop" && event.dataTransfer) taken.current(event.dataTransfer.files);
    };
    for (const kind of DRAGS) widget.addEventListener(kind, onDrag);
    return () => {
      for (const kind of DRAGS) widget.removeEventListener(kind, onDrag);
    };
  }, [form]);
  return isOver;
}

/** As high as its text, up to six lines; then it scrolls inside. */
export function grow(field: HTMLTextAreaElement | null): void {
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
