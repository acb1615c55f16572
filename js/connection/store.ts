import { Comm } from "../shared/comm";
import {
  type AnyModel,
  type Connection,
  finite,
  heightOf,
  listOf,
  oneOf,
  type Theme,
  text,
  themeOf,
  wire,
} from "../shared/values";
import { eventFrom, type LogEvent } from "./event";

const TRAITS = [
  ...["state", "identity", "service", "token_seconds_left", "latency", "reconnects", "last_error"],
  ...["_since", "_last_error_at", "_reconnected", "_renewable", "theme", "height"],
];
/** Milliseconds between two looks at the latency, while the page is seen. */
const LOOK_EVERY = 10_000;
/** Events that a view holds; the kernel keeps as many. */
const MOST = 2000;

/** How the connection is, as the kernel last said. */
export interface Status {
  state: Connection;
  identity: string;
  service: string;
  /** Milliseconds since the epoch, by the clock of this page; null where the token does not say. */
  tokenEnds: number | null;
  /** Seconds. */
  latency: number | null;
  reconnects: number;
  reconnected: readonly number[];
  since: number | null;
  lastError: string;
  lastErrorAt: number | null;
  renewable: boolean;
}

/** One view of a connection. The log is read only while it is open and runs. */
export class ConnectionStore {
  readonly comm: Comm;
  theme: Theme;
  height: number;
  status: Status;
  events: readonly LogEvent[] = [];
  paused = false;
  /** Why the token was not renewed; empty where it was. */
  renewal: { state: "idle" | "asking" | "done" | "failed"; message: string } = { state: "idle", message: "" };
  readonly #model: AnyModel;
  readonly #listeners = new Set<() => void>();
  readonly #looking: ReturnType<typeof setInterval>;
  #isLogOpen = false;
  #isReading = false;
  #last = 0;
  #next = 1;
  #left: number | null = null;
  #tokenEnds: number | null = null;

  constructor(model: AnyModel) {
    this.#model = model;
    this.status = this.#readStatus();
    this.theme = themeOf(model);
    this.height = heightOf(model);
    for (const name of TRAITS) model.on(`change:${name}`, this.#readTraits);
    this.comm = new Comm(model, this.#receive, { onChange: () => this.#announce() });
    this.#looking = setInterval(() => this.look(), LOOK_EVERY);
    this.look();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#looking);
    for (const name of TRAITS) this.#model.off(`change:${name}`, this.#readTraits);
    this.comm.close();
    this.#listeners.clear();
  }

  /** Has the latency measured, unless nobody can see it. */
  look(): void {
    if (typeof document !== "undefined" && document.visibilityState === "hidden") return;
    this.comm.request("look", {}).then(
      (answer) => this.#take(wire(answer)),
      () => {}, // the pulse says that there is no kernel
    );
  }

  async renew(): Promise<void> {
    this.renewal = { state: "asking", message: "" };
    this.#announce();
    try {
      await this.comm.request("renew", {});
      this.renewal = { state: "done", message: "The token is new." };
    } catch (error) {
      this.renewal = { state: "failed", message: error instanceof Error ? error.message : String(error) };
    }
    this.#announce();
  }

  openLog(isOpen: boolean): void {
    this.#isLogOpen = isOpen;
    void this.#read();
  }

  pause(paused: boolean): void {
    this.paused = paused;
    this.#announce();
    void this.#read();
  }

  clear(): void {
    this.events = [];
    this.#announce();
    this.comm.request("clear", {}).catch(() => {}); // without a kernel nothing is kept anyway
  }

  async payload(id: number): Promise<string> {
    return text(await this.comm.request("payload", { id })) || "This event is kept no more.";
  }

  async copy(ids: readonly number[]): Promise<string> {
    return text(await this.comm.request("copy", { ids }));
  }

  /** Reads what is new, page by page, until there is no more. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isLogOpen && !this.paused && this.#last < this.#next - 1) {
        const answer = wire(await this.comm.request("events", { after: this.#last }));
        const news = listOf(answer.events, eventFrom);
        this.#take(answer);
        this.#last = news.at(-1)?.id ?? this.#next - 1;
        this.events = [...this.events, ...news].slice(-MOST);
        this.#announce();
      }
    } catch {
      // the pulse says that there is no kernel; what was read stays
    } finally {
      this.#isReading = false;
    }
  }

  #take(bounds: Record<string, unknown>): void {
    const [first, next] = [finite(bounds.first), finite(bounds.next)];
    if (next === null || first === null) return;
    this.#next = next;
    this.#last = Math.min(this.#last, next - 1);
    if (first === next && !this.paused) this.events = []; // cleared, perhaps in another view
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  readonly #receive = (content: unknown): void => {
    const { kind, changes } = wire(content);
    if (kind !== "batch") return;
    for (const change of listOf(changes, wire)) {
      if (change.type === "log") this.#take(change);
    }
    this.#announce();
    void this.#read();
  };

  #readStatus(): Status {
    const model = this.#model;
    const left = finite(model.get("token_seconds_left"));
    if (left !== this.#left) this.#tokenEnds = left === null ? null : Date.now() + left * 1000;
    this.#left = left; // where another trait has changed, the token ends when it did before
    return {
      state: oneOf(
        model.get("state"),
        ["connecting", "connected", "disconnecting", "disconnected", "denied"],
        "connecting",
      ),
      identity: text(model.get("identity")),
      service: text(model.get("service")),
      tokenEnds: this.#tokenEnds,
      latency: finite(model.get("latency")),
      reconnects: finite(model.get("reconnects")) ?? 0,
      reconnected: listOf(model.get("_reconnected"), finite),
      since: finite(model.get("_since")),
      lastError: text(model.get("last_error")),
      lastErrorAt: finite(model.get("_last_error_at")),
      renewable: model.get("_renewable") === true,
    };
  }

  readonly #readTraits = (): void => {
    this.theme = themeOf(this.#model);
    this.height = heightOf(this.#model);
    const before = this.status.state;
    this.status = this.#readStatus();
    if (this.status.state === "connected" && before !== "connected") this.look();
    this.#announce();
  };
}
