import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Acting, useActing } from "../shared/acting";
import { useOwnKeys } from "../shared/keys";
import type { TableStore } from "../shared/table";
import { text, wire } from "../shared/values";
import type { Participant } from "./row";

/** A line in which something is changed; Escape closes it, and what failed is said under it. */
function Line({ label, acting, onClose, children }: LineProps) {
  const root = useRef<HTMLFieldSetElement>(null);
  useOwnKeys(root);
  return (
    <fieldset
      ref={root}
      class="cw-change"
      aria-label={label}
      aria-busy={acting.isBusy}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      {children}
      {acting.failure !== "" && (
        <p class="cw-grid-failure" role="alert">
          {acting.failure}
        </p>
      )}
    </fieldset>
  );
}

interface LineProps {
  label: string;
  acting: Acting;
  onClose: () => void;
  children: ComponentChildren;
}

/** Gives the focus to what a reader has just asked for. */
function useFocus<E extends HTMLElement>() {
  const field = useRef<E>(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  return field;
}

/** Adds somebody: by identity on chat, and by two addresses on other channels. */
export function Adding({ store, onClose }: { store: TableStore<Participant>; onClose: () => void }) {
  const acting = useActing(store.comm);
  const [address, setAddress] = useState("");
  const [proxy, setProxy] = useState("");
  const field = useFocus<HTMLInputElement>();
  const isChannel = /^(\+?\d[\d\s()-]{6,}|\w+:.+|[^@\s]+@[^@\s]+)$/.test(address.trim());
  const onEnter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // hosts keep the key from submitting a form
    event.stopPropagation();
    void add();
  };
  const add = async () => {
    if (address.trim() === "" || acting.isBusy) return;
    if (await acting.act("add", { address, proxy: isChannel ? proxy : "" })) onClose();
  };
  return (
    <Line label="Add somebody" acting={acting} onClose={onClose}>
      <form
        class="cw-change-form"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          ref={field}
          type="text"
          class="cw-grid-field"
          aria-label="Identity or address"
          placeholder="Identity, +15552223333, whatsapp:+1…, ann@example.org"
          value={address}
          onKeyDown={onEnter}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        {isChannel && (
          <input
            type="text"
            class="cw-grid-field"
            aria-label="The service's own address on that channel"
            placeholder="The service's own address there; leave empty for chat"
            value={proxy}
            onKeyDown={onEnter}
            onInput={(event) => setProxy(event.currentTarget.value)}
          />
        )}
        <button type="submit" class="cw-button cw-primary" disabled={address.trim() === "" || acting.isBusy}>
          Add
        </button>
        <button type="button" class="cw-button" onClick={onClose}>
          Cancel
        </button>
      </form>
    </Line>
  );
}

type Step = "chosen" | "removing" | "editing";

/** How many are selected, and what can be done with them. */
export function Chosen({ store }: { store: TableStore<Participant> }) {
  const acting = useActing(store.comm);
  const [step, setStep] = useState<Step>("chosen");
  const [attributes, setAttributes] = useState("");
  const sids = [...store.selected];
  const [only] = sids;
  const name =
    sids.length === 1 ? (store.rows.get(only ?? "")?.name ?? "1 participant") : `${sids.length} participants`;
  const back = () => {
    acting.forget();
    setStep("chosen");
  };
  const edit = async () => {
    const answer = await acting.act("attributes", { sid: only });
    if (!answer) return;
    setAttributes(pretty(text(wire(answer.result).text)));
    setStep("editing");
  };
  const remove = async () => {
    for (const sid of sids) if (!(await acting.act("remove", { sid }))) return;
  };
  return (
    <Line label="Selected participants" acting={acting} onClose={step === "chosen" ? () => store.select([]) : back}>
      {step === "chosen" && (
        <div class="cw-change-form">
          <span class="cw-chosen-name">
            <bdi>{name}</bdi> selected
          </span>
          {!store.readOnly && sids.length === 1 && (
            <button type="button" class="cw-button" disabled={acting.isBusy} onClick={() => void edit()}>
              Attributes…
            </button>
          )}
          {!store.readOnly && (
            <button type="button" class="cw-button" onClick={() => setStep("removing")}>
              Remove…
            </button>
          )}
          <button type="button" class="cw-button" onClick={() => store.select([])}>
            Unselect
          </button>
        </div>
      )}
      {step === "removing" && (
        <div class="cw-change-form">
          <span class="cw-chosen-name">
            Remove <bdi>{name}</bdi> from the conversation?
          </span>
          <Confirm disabled={acting.isBusy} onClick={() => void remove()} />
          <button type="button" class="cw-button" onClick={back}>
            Cancel
          </button>
        </div>
      )}
      {step === "editing" && only !== undefined && (
        <Attributes
          name={name}
          attributes={attributes}
          isBusy={acting.isBusy}
          onSave={async (changed) => {
            if (await acting.act("change", { sid: only, text: changed })) back();
          }}
          onCancel={back}
        />
      )}
    </Line>
  );
}

function Confirm({ disabled, onClick }: { disabled: boolean; onClick: () => void }) {
  const button = useFocus<HTMLButtonElement>();
  return (
    <button ref={button} type="button" class="cw-button cw-dangerous" disabled={disabled} onClick={onClick}>
      Remove
    </button>
  );
}

interface AttributesProps {
  name: string;
  attributes: string;
  isBusy: boolean;
  onSave: (changed: string) => void;
  onCancel: () => void;
}

/** Attributes as JSON; what is none cannot be saved, and why is said while one types. */
function Attributes({ name, attributes, isBusy, onSave, onCancel }: AttributesProps) {
  const [draft, setDraft] = useState(attributes);
  const field = useFocus<HTMLTextAreaElement>();
  const mistake = mistakeIn(draft);
  return (
    <div class="cw-attributes">
      <textarea
        ref={field}
        class="cw-grid-field cw-attributes-text"
        rows={5}
        spellcheck={false}
        aria-label={`Attributes of ${name}, as JSON`}
        aria-invalid={mistake !== null}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      <div class="cw-change-form">
        <span class={mistake === null ? "cw-chosen-name" : "cw-chosen-name cw-mistake"} role="status">
          {mistake === null ? (
            <>
              Attributes of <bdi>{name}</bdi>
            </>
          ) : (
            `No JSON yet: ${mistake}`
          )}
        </span>
        <button
          type="button"
          class="cw-button cw-primary"
          disabled={isBusy || mistake !== null}
          onClick={() => onSave(draft)}
        >
          Save
        </button>
        <button type="button" class="cw-button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}

/** What keeps a text from being JSON, or null. */
export function mistakeIn(draft: string): string | null {
  try {
    JSON.parse(draft);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "it cannot be read.";
  }
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
