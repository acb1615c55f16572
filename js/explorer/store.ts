import { ConnectionStore } from "../connection/store";
import { type Conversation, conversationFrom } from "../inbox/row";
import { type Participant, participantFrom } from "../participants/row";
import { Comm } from "../shared/comm";
import { Parts } from "../shared/parts";
import { TableStore } from "../shared/table";
import {
  type AnyModel,
  type Connection,
  connectionOf,
  finite,
  heightOf,
  oneOf,
  type Theme,
  text,
  textOrNull,
  themeOf,
  wire,
} from "../shared/values";
import { ThreadStore } from "../thread/store";

const TRAITS = [
  ...["theme", "height", "selected_sid", "scope", "since", "until"],
  ...["_title", "_gone", "_hint", "_connection"],
];
/** Milliseconds that an export may take: a long history is read page by page. */
const PATIENCE = 30 * 60_000;

/** What is exported: the conversation that is shown, or all that the inbox's search and filters let through. */
export type Scope = "conversation" | "listed";
export type ExportKind = "csv" | "parquet" | "html";

/** A file that the kernel made: its bytes, or where it has written them. */
export interface ExportedFile {
  name: string;
  path: string | null;
  bytes: DataView | null;
  /** What makes the same file in the kernel. */
  python: string;
}

/** One view of the explorer: the stores of its parts, each there as soon as the kernel has made the part. */
export class ExplorerStore {
  readonly comm: Comm;
  inbox: TableStore<Conversation> | null = null;
  thread: ThreadStore | null = null;
  participants: TableStore<Participant> | null = null;
  theme: Theme = "auto";
  height = 640;
  title = "";
  selectedSid = "";
  scope: Scope = "conversation";
  /** ISO dates; empty without a limit. */
  since = "";
  until = "";
  /** Title of a conversation that was removed while it was shown. */
  gone = "";
  /** Python that goes on from here. */
  hint = "";
  link: ConnectionStore | null = null;
  connection: Connection = "connected";
  readonly #model: AnyModel;
  readonly #parts: Parts;
  readonly #listeners = new Set<() => void>();
  #seen = "";

  constructor(model: AnyModel) {
    this.#model = model;
    for (const name of TRAITS) model.on(`change:${name}`, this.#readTraits);
    this.#readTraits();
    this.comm = new Comm(model, () => {}, { onChange: () => this.#announce() });
    this.#parts = new Parts(model, (name, part) => this.#add(name, part));
    this.comm.request("parts", {}).then(
      (states) => this.#parts.update(states),
      () => {}, // the pulse says that there is no kernel; the snapshot stays
    );
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Chooses what is exported. */
  choose(choice: { scope?: Scope; since?: string; until?: string }): void {
    for (const [name, value] of Object.entries(choice)) this.#model.set(name, value);
    this.#model.save_changes();
  }

  /** Makes a DataFrame in the kernel; how many rows it has, and the Python that gets it. */
  async frame(): Promise<{ rows: number; python: string }> {
    const made = wire((await this.comm.ask("frame", {}, undefined, PATIENCE)).result);
    return { rows: finite(made.rows) ?? 0, python: text(made.python) };
  }

  async export(kind: ExportKind): Promise<ExportedFile> {
    const { result, buffers } = await this.comm.ask("export", { kind }, undefined, PATIENCE);
    const made = wire(result);
    const [bytes = null] = buffers;
    return { name: text(made.name), path: textOrNull(made.path), bytes, python: text(made.python) };
  }

  cancel(): void {
    this.comm.request("cancel", {}).catch(() => {}); // what is not running need not be ended
  }

  async python(): Promise<string> {
    return text(await this.comm.request("python", {}));
  }

  close(): void {
    for (const name of TRAITS) this.#model.off(`change:${name}`, this.#readTraits);
    this.comm.close();
    this.#parts.close();
    for (const store of [this.link, this.inbox, this.thread, this.participants]) store?.close();
    this.#listeners.clear();
  }

  #add(name: string, part: AnyModel): void {
    const look = () => this.#look();
    if (name === "inbox") {
      this.inbox = new TableStore(part, conversationFrom);
      this.inbox.subscribe(look);
    } else if (name === "thread") {
      this.thread = new ThreadStore(part);
      this.thread.subscribe(look);
    } else if (name === "participants") {
      this.participants = new TableStore(part, participantFrom);
      this.participants.subscribe(look);
    } else if (name === "connection") this.link = new ConnectionStore(part);
    this.#look();
    this.#announce();
  }

  /** Parts change often; only some of it shows outside of them. */
  #look(): void {
    const { inbox, thread, participants } = this;
    const faults = [inbox, thread, participants].map((part) => part?.comm.faults.length ?? 0);
    const seen = JSON.stringify([inbox?.total, inbox?.opened, ...faults]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  readonly #readTraits = (): void => {
    this.theme = themeOf(this.#model);
    this.height = heightOf(this.#model);
    this.title = text(this.#model.get("_title"));
    this.scope = oneOf(this.#model.get("scope"), ["conversation", "listed"], "conversation");
    this.since = text(this.#model.get("since"));
    this.until = text(this.#model.get("until"));
    this.gone = text(this.#model.get("_gone"));
    this.hint = text(this.#model.get("_hint"));
    this.selectedSid = text(this.#model.get("selected_sid"));
    this.connection = connectionOf(this.#model);
    this.#announce();
  };
}
