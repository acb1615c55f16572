import { type Conversation, conversationFrom } from "../inbox/row";
import { type Participant, participantFrom } from "../participants/row";
import { Comm } from "../shared/comm";
import { Parts } from "../shared/parts";
import { TableStore } from "../shared/table";
import { type AnyModel, type Connection, connectionOf, heightOf, type Theme, text, themeOf } from "../shared/values";
import { ThreadStore } from "../thread/store";

const TRAITS = ["theme", "height", "selected_sid", "_title", "_connection"];

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
  connection: Connection = "connected";
  readonly #model: AnyModel;
  readonly #parts: Parts;
  readonly #listeners = new Set<() => void>();

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

  close(): void {
    for (const name of TRAITS) this.#model.off(`change:${name}`, this.#readTraits);
    this.comm.close();
    this.#parts.close();
    for (const store of [this.inbox, this.thread, this.participants]) store?.close();
    this.#listeners.clear();
  }

  #add(name: string, part: AnyModel): void {
    if (name === "inbox") this.inbox = new TableStore(part, conversationFrom);
    else if (name === "thread") this.thread = new ThreadStore(part);
    else if (name === "participants") this.participants = new TableStore(part, participantFrom);
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  readonly #readTraits = (): void => {
    this.theme = themeOf(this.#model);
    this.height = heightOf(this.#model);
    this.title = text(this.#model.get("_title"));
    this.selectedSid = text(this.#model.get("selected_sid"));
    this.connection = connectionOf(this.#model);
    this.#announce();
  };
}
