import { useEffect, useRef, useState } from "preact/hooks";
import { copyText } from "../shared/clipboard";
import { RequestFailed } from "../shared/comm";
import { useOwnKeys } from "../shared/keys";
import { safeName, save } from "../thread/files";
import type { ExplorerStore, ExportKind, Scope } from "./store";

const FILES: readonly { kind: ExportKind; label: string; title: string }[] = [
  { kind: "csv", label: "CSV", title: "Download the messages for a spreadsheet" },
  { kind: "parquet", label: "Parquet", title: "Download the messages for analysis, verbatim" },
  { kind: "html", label: "HTML", title: "Download this conversation as a page to read" },
];

/** What came of the last press. */
interface Outcome {
  text: string;
  /** To copy: Python, or a path. */
  code: string;
  isFailure: boolean;
}

const failed = (error: unknown): Outcome => ({
  text: error instanceof RequestFailed ? error.message : "It failed.",
  code: "",
  isFailure: true,
});

/** Who looks at how much, and what can be taken along: messages as a DataFrame, as files, and as Python. */
export function Toolbar({ store }: { store: ExplorerStore }) {
  const root = useRef<HTMLDivElement>(null);
  const [busy, setBusy] = useState("");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isDated, setDated] = useState(store.since !== "" || store.until !== "");
  useOwnKeys(root);
  const total = store.inbox?.total ?? 0;
  const isLost = store.comm.pulse === "gone" || store.comm.pulse === "saved";
  const nothing = busy !== "" || isLost || (store.scope === "conversation" && store.selectedSid === "");

  const run = async (what: string, work: () => Promise<Outcome>) => {
    setBusy(what);
    setOutcome(null);
    try {
      setOutcome(await work());
    } catch (error) {
      setOutcome(failed(error));
    } finally {
      setBusy("");
    }
  };
  const frame = async (): Promise<Outcome> => {
    const { rows, python } = await store.frame();
    return { text: `${rows.toLocaleString()} ${rows === 1 ? "row" : "rows"}. Next:`, code: python, isFailure: false };
  };
  const file = async (kind: ExportKind): Promise<Outcome> => {
    const { name, path, bytes, python } = await store.export(kind);
    if (bytes === null) return { text: "Written by the kernel:", code: path ?? "", isFailure: path === null };
    const safe = safeName(name, `messages.${kind}`);
    save(new Blob([bytes as DataView<ArrayBuffer>]), safe, document);
    return { text: `${safe} was given to the browser. In Python:`, code: python, isFailure: false };
  };
  const python = async (near: Element): Promise<Outcome> => {
    const code = await store.python();
    const isCopied = await copyText(code, near);
    return { text: isCopied ? "Copied." : "Select and copy:", code: isCopied ? "" : code, isFailure: false };
  };

  return (
    <div ref={root} class="cw-top">
      <header class="cw-top-line">
        <bdi class="cw-title">{store.title}</bdi>
        <span class="cw-top-count">
          {total.toLocaleString()} {total === 1 ? "conversation" : "conversations"}
        </span>
        <div class="cw-top-acts" role="toolbar" aria-label="Export">
          <select
            class="cw-facet"
            aria-label="What is exported"
            title="What is exported"
            value={store.scope}
            onChange={(event) => store.choose({ scope: event.currentTarget.value as Scope })}
          >
            <option value="conversation">This conversation</option>
            <option value="listed">All that are listed</option>
          </select>
          <button
            type="button"
            class="cw-button"
            aria-expanded={isDated}
            title="Only messages of some days"
            onClick={() => setDated(!isDated)}
          >
            Dates{store.since || store.until ? " •" : ""}
          </button>
          <button
            type="button"
            class="cw-button"
            title="Make a DataFrame in the kernel"
            disabled={nothing}
            onClick={() => void run("DataFrame", frame)}
          >
            DataFrame
          </button>
          {FILES.map(({ kind, label, title }) => (
            <button
              key={kind}
              type="button"
              class="cw-button"
              title={title}
              disabled={nothing || (kind === "html" && store.scope === "listed")}
              onClick={() => void run(label, () => file(kind))}
            >
              {label}
            </button>
          ))}
          <button
            type="button"
            class="cw-button"
            title={store.hint || "Copy the Python that makes the DataFrame"}
            disabled={nothing}
            onClick={(event) => {
              const near = event.currentTarget;
              void run("Python", () => python(near));
            }}
          >
            Copy Python
          </button>
        </div>
      </header>
      {isDated && <Dates store={store} onClose={() => setDated(false)} />}
      <Next store={store} busy={busy} outcome={outcome} onClose={() => setOutcome(null)} />
    </div>
  );
}

/** From a day on, and before a day; both in UTC, as all times in DataFrames are. */
function Dates({ store, onClose }: { store: ExplorerStore; onClose: () => void }) {
  return (
    <fieldset class="cw-top-dates">
      <legend class="cw-hidden">Only messages of some days</legend>
      <label>
        From{" "}
        <input
          type="date"
          value={store.since.slice(0, 10)}
          onChange={(event) => store.choose({ since: event.currentTarget.value })}
        />
      </label>
      <label>
        Before{" "}
        <input
          type="date"
          value={store.until.slice(0, 10)}
          onChange={(event) => store.choose({ until: event.currentTarget.value })}
        />
      </label>
      <span>UTC</span>
      <button
        type="button"
        class="cw-button"
        onClick={() => {
          store.choose({ since: "", until: "" });
          onClose();
        }}
      >
        All days
      </button>
    </fieldset>
  );
}

interface NextProps {
  store: ExplorerStore;
  busy: string;
  outcome: Outcome | null;
  onClose: () => void;
}

/** What came of it, and what to type next. */
function Next({ store, busy, outcome, onClose }: NextProps) {
  const [copied, setCopied] = useState("");
  const code = outcome?.code || (outcome ? "" : store.hint);
  const line = code.split("\n").at(-1) ?? "";
  useEffect(() => {
    if (copied === "") return;
    const timer = setTimeout(() => setCopied(""), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  if (busy !== "") {
    return (
      <p class="cw-next" role="status">
        <span>Making {busy}…</span>
        <button type="button" class="cw-button" onClick={() => store.cancel()}>
          Cancel
        </button>
      </p>
    );
  }
  if (outcome === null && code === "") return null;
  return (
    <p class={outcome === null ? "cw-next cw-next-idle" : outcome.isFailure ? "cw-next cw-bad" : "cw-next"}>
      <span role={outcome?.isFailure ? "alert" : "status"}>{outcome ? outcome.text : "In Python:"}</span>
      {line !== "" && (
        <>
          <code title={code}>{line}</code>
          <button
            type="button"
            class="cw-button"
            onClick={async (event) => {
              setCopied((await copyText(code, event.currentTarget)) ? "Copied" : "Not allowed");
            }}
          >
            {copied || "Copy"}
          </button>
        </>
      )}
      {outcome !== null && (
        <button type="button" class="cw-button" aria-label="Close" onClick={onClose}>
          ×
        </button>
      )}
    </p>
  );
}
