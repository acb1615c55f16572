import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useKeys } from "../shared/keys";
import type { Message } from "../shared/model";
import type { Change, Changes } from "./changes";
import { grow } from "./composer";
import { BODY_LIMIT, bytesOf, isSendKey } from "./composing";

interface Props {
  message: Message;
  change: Change;
  changes: Changes;
}

/** The focus goes back to the message, from where the arrow keys go on. */
function leaveTo(inside: Element | null): void {
  const row = inside?.closest<HTMLElement>("[data-index]");
  if (!row) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
}

/** The text of a message while it is changed, in its place. */
export function Editor({ message, change, changes }: Props) {
  const { sid } = message;
  const [text, setText] = useState(change.text);
  const field = useRef<HTMLTextAreaElement>(null);
  const isSendable = text.trim() !== "" && bytesOf(text) <= BODY_LIMIT;
  const leave = () => {
    leaveTo(field.current);
    changes.leave(sid);
  };
  const save = () => {
    if (!isSendable) return;
    leaveTo(field.current);
    void changes.save(message);
  };

  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.setSelectionRange(text.length, text.length);
  }, []);
  useLayoutEffect(() => grow(field.current), [text]);
  useKeys(field, (event) => {
    if (event.key === "Escape") leave();
    else if (isSendKey(event, true)) save();
    else return event.key === "Enter" ? "ours" : null;
    return "done";
  });

  return (
    <form
      class="cw-editor"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={field}
        class="cw-field"
        rows={1}
        aria-label="Edit the message"
        dir="auto"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          changes.type(sid, event.currentTarget.value);
        }}
        onKeyDown={(event) => event.stopPropagation()}
      />
      <Refusal error={change.error} />
      <div class="cw-answers">
        <button type="submit" class="cw-button" disabled={!isSendable} title="Enter">
          Save
        </button>
        <button type="button" class="cw-button" title="Escape" onClick={leave}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** The question before a message is deleted, below it. */
export function Confirm({ message, change, changes }: Props) {
  const group = useRef<HTMLFieldSetElement>(null);
  const leave = () => {
    leaveTo(group.current);
    changes.leave(message.sid);
  };
  useLayoutEffect(() => group.current?.querySelector("button")?.focus({ preventScroll: true }), []);
  useKeys(group, (event) => {
    if (event.key !== "Escape") return event.key === "Enter" || event.key === " " ? "ours" : null;
    leave();
    return "done";
  });
  return (
    <fieldset ref={group} class="cw-confirm">
      <legend>Delete this message for everybody?</legend>
      <Refusal error={change.error} />
      <div class="cw-answers">
        <button
          type="button"
          class="cw-button cw-danger"
          onClick={() => {
            leaveTo(group.current);
            void changes.remove(message);
          }}
        >
          Delete
        </button>
        <button type="button" class="cw-button" onClick={leave}>
          Keep
        </button>
      </div>
    </fieldset>
  );
}

function Refusal({ error }: { error: string | null }) {
  if (error === null) return null;
  return (
    <p class="cw-failure" role="alert" dir="auto">
      {error}
    </p>
  );
}
