import { Comm, randomId } from "./comm";
import {
  type AnyModel,
  type Connection,
  connectionOf,
  finite,
  heightOf,
  listOf,
  oneOf,
  type Theme,
  text,
  texts,
  themeOf,
  wire,
} from "./values";

export interface Keyed {
  readonly sid: string;
}

export interface Column {
  name: string;
  label: string;
  kind: "text" | "number" | "time" | "flag";
  facet: boolean;
}

/** What is shown and how: the trait `view_state`. */
export interface ViewState {
  sort: string;
  descending: boolean;
  /** Texts by column. */
  filters: Readonly<Record<string, readonly string[]>>;
  search: string;
}

const TRAITS = [
  "selected",
  "view_state",
  "read_only",
  "_columns",
  "_facets",
  "_first",
  "_loading",
  "_problem",
  "theme",
  "height",
  "_connection",
];
/** Milliseconds between two questions for rows while a reader scrolls. */
const LOOK_EVERY = 80;

const columnFrom = (value: unknown): Column | null => {
  const fields = wire(value);
  const kind = oneOf(fields.kind, ["text", "number", "time", "flag"], "text");
  return fields.name
    ? { name: text(fields.name), label: text(fields.label), kind, facet: fields.facet === true }
    : null;
};

/**
 * One view of a table whose rows stay in the kernel: it holds a window of them, which the kernel keeps in step, and
 * asks for another one when the reader scrolls. `shift` tells listeners by how many rows the reader's place has moved.
 */
export class TableStore<Row extends Keyed> {
  readonly comm: Comm;
  start = 0;
  keys: readonly string[] = [];
  rows: ReadonlyMap<string, Row> = new Map();
  /** How many rows the filters let through, and how many there are. */
  shown = 0;
  total = 0;
  /** Whether the kernel has answered; before, the rows are those that were saved. */
  opened = false;
  /** Whether the kernel is still listing what there is, and what kept it from that; empty where nothing did. */
  loading = false;
  problem = "";
  readOnly = false;
  /** How often the reader was sent to the top: by other rows, or another order. */
  tops = 0;
  columns: readonly Column[] = [];
  facets: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map();
  selected: ReadonlySet<string> = new Set();
  viewState: ViewState = { sort: "", descending: false, filters: {}, search: "" };
  theme: Theme = "auto";
  height = 480;
  connection: Connection = "connected";
  readonly #model: AnyModel;
  readonly #convert: (value: unknown) => Row | null;
  readonly #view = randomId();
  readonly #listeners = new Set<(shift: number) => void>();
  #wanted = { start: 0, count: 60, anchor: null as string | null, at: 0 };
  /** By how many places the kernel has moved the reader, in all. */
  #shifted = 0;
  #lookTimer: ReturnType<typeof setTimeout> | null = null;
  #lookedAt = 0;
  #seq: number | null = null;

  constructor(model: AnyModel, convert: (value: unknown) => Row | null) {
    this.#model = model;
    this.#convert = convert;
    for (const name of TRAITS) model.on(`change:${name}`, this.#readTraits);
    this.#readTraits();
    this.comm = new Comm(model, this.#receive, { onChange: () => this.#announce(0) });
    void this.#look(true);
  }

  subscribe(listener: (shift: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#lookTimer !== null) clearTimeout(this.#lookTimer);
    for (const name of TRAITS) this.#model.off(`change:${name}`, this.#readTraits);
    this.comm.request("leave", { view: this.#view }).catch(() => {}); // nobody waits for the answer
    this.comm.close();
    this.#listeners.clear();
  }

  /** The row at a place of the whole list, or null where it is not loaded. */
  at(place: number): Row | null {
    const key = this.keys[place - this.start];
    return key === undefined ? null : (this.rows.get(key) ?? null);
  }

  /** Asks for the rows around a reader; `anchor` is the one, at `at`, that shall stay in place, null at the top. */
  look(start: number, count: number, anchor: string | null, at = 0): void {
    this.#wanted = { start, count, anchor, at };
    if (this.#lookTimer !== null) return;
    const wait = Math.max(0, this.#lookedAt + LOOK_EVERY - Date.now());
    this.#lookTimer = setTimeout(() => {
      this.#lookTimer = null;
      void this.#look(false);
    }, wait);
  }

  want(change: Partial<ViewState>): void {
    this.#set("view_state", { ...this.viewState, ...change });
  }

  /** Shows only the rows with one of these values in a column; with none, all again. */
  filter(name: string, values: readonly string[]): void {
    const { [name]: _, ...others } = this.viewState.filters;
    this.want({ filters: values.length > 0 ? { ...others, [name]: values } : others });
  }

  select(keys: Iterable<string>): void {
    this.#set("selected", [...keys]);
  }

  /** Selects what lies between two rows, also where that is not loaded: the kernel knows. */
  async selectRange(from: string, to: string, adding: boolean): Promise<void> {
    const [one, other] = [this.keys.indexOf(from), this.keys.indexOf(to)];
    if (one >= 0 && other >= 0) {
      const between = this.keys.slice(Math.min(one, other), Math.max(one, other) + 1);
      this.select(new Set([...(adding ? this.selected : []), ...between]));
      return;
    }
    await this.comm.request("range", { from, to, adding }).catch(() => {}); // one of them is gone
  }

  #set(name: string, value: unknown): void {
    this.#model.set(name, value);
    this.#model.save_changes();
  }

  async #look(afresh: boolean): Promise<void> {
    this.#lookedAt = Date.now();
    try {
      const answer = await this.comm.request("rows", {
        view: this.#view,
        afresh,
        shifted: this.#shifted,
        ...this.#wanted,
      });
      this.opened = true;
      this.#take(wire(answer), afresh);
    } catch {
      // the pulse says that there is no kernel; what is loaded stays
    }
  }

  #take(news: Record<string, unknown>, afresh: boolean): void {
    const rows = new Map(afresh ? [] : this.rows);
    for (const row of listOf(news.rows, this.#convert)) rows.set(row.sid, row);
    this.keys = texts(news.keys);
    this.rows = new Map(this.keys.flatMap((key) => (rows.has(key) ? [[key, rows.get(key) as Row]] : [])));
    this.start = finite(news.start) ?? 0;
    this.shown = finite(news.shown) ?? 0;
    this.total = finite(news.total) ?? 0;
    const shift = finite(news.shift) ?? 0;
    this.#wanted.start += shift;
    this.#wanted.at += shift;
    this.#shifted += shift;
    if (news.top === true) {
      this.tops += 1;
      this.#wanted = { ...this.#wanted, start: 0, anchor: null };
    }
    this.#announce(shift);
  }

  #announce(shift: number): void {
    for (const listener of this.#listeners) listener(shift);
  }

  readonly #receive = (content: unknown): void => {
    const { kind, seq, changes } = wire(content);
    const number = finite(seq);
    if (kind !== "batch" || number === null) return;
    const isLost = this.#seq !== null && number !== this.#seq + 1;
    this.#seq = number;
    if (isLost) {
      void this.#look(true);
      return;
    }
    for (const change of listOf(changes, wire)) {
      if (change.type === "window" && change.view === this.#view) this.#take(change, false);
      if (change.type === "reset") void this.#look(true);
    }
  };

  readonly #readTraits = (): void => {
    const model = this.#model;
    const state = wire(model.get("view_state"));
    const filters = Object.entries(wire(state.filters)).map(([name, values]) => [name, texts(values)] as const);
    this.viewState = {
      sort: text(state.sort),
      descending: state.descending === true,
      filters: Object.fromEntries(filters.filter(([, values]) => values.length > 0)),
      search: text(state.search),
    };
    this.columns = listOf(model.get("_columns"), columnFrom);
    this.facets = new Map(
      Object.entries(wire(model.get("_facets"))).map(([name, counts]) => [
        name,
        new Map(Object.entries(wire(counts)).map(([value, count]) => [value, finite(count) ?? 0])),
      ]),
    );
    this.selected = new Set(texts(model.get("selected")));
    this.loading = model.get("_loading") === true;
    this.problem = text(model.get("_problem"));
    this.readOnly = model.get("read_only") === true;
    this.theme = themeOf(model);
    this.height = heightOf(model);
    this.connection = connectionOf(model);
    if (!this.opened) {
      const first = wire(model.get("_first"));
      const rows = listOf(first.rows, this.#convert);
      this.keys = rows.map((row) => row.sid);
      this.rows = new Map(rows.map((row) => [row.sid, row]));
      this.shown = finite(first.shown) ?? 0;
      this.total = finite(first.total) ?? 0;
    }
    this.#announce(0);
  };
}
