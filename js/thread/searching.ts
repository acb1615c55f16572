import type { Message } from "../shared/model";
import { folded } from "../shared/search";
import { type Step, stepFrom } from "./finding";
import type { ThreadStore } from "./store";

/** Milliseconds after the last key before a search begins. */
const PAUSE = 250;
/** Matches after which a search rests until it is told to go on. */
const ENOUGH = 500;

/** How a search in the history goes on: `paused` when it was stopped or has found enough. */
export type Progress = "idle" | "searching" | "paused" | "done" | "failed";

/**
 * The search in one view: in the loaded messages at once, then backwards through the history, in steps that the kernel
 * takes. Matches are numbered from the newest on, so that those found later change no number.
 */
export class Search {
  isOpen = false;
  /** Opened by the reader, who is about to type; not by Python. */
  isAsked = false;
  query = "";
  progress: Progress = "idle";
  /** The index of the match that is shown. */
  current: number | null = null;
  /** Before which index the kernel looks next; null for the newest. */
  before: number | null = null;
  /** More matches than the view knows. */
  hasMore = false;
  readonly #store: ThreadStore;
  readonly #onChange: () => void;
  #found: ReadonlySet<number> = new Set();
  #matches: { messages: readonly Message[]; found: unknown; query: string; indexes: readonly number[] } | null = null;
  #folded = new WeakMap<Message, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run = 0;

  constructor(store: ThreadStore, onChange: () => void) {
    this.#store = store;
    this.#onChange = onChange;
  }

  /** What rows mark. */
  get needle(): string {
    return this.isOpen ? folded(this.query.trim()) : "";
  }

  /** Indexes of the matches, the newest first: of what is loaded as it is now, and of the rest as the kernel found it. */
  get matches(): readonly number[] {
    const { messages } = this.#store.state;
    const { needle } = this;
    const known = this.#matches;
    if (known?.messages === messages && known.found === this.#found && known.query === needle) return known.indexes;
    const indexes = needle === "" ? [] : this.#look(messages, needle);
    this.#matches = { messages, found: this.#found, query: needle, indexes };
    return indexes;
  }

  /** The number of the shown match, from 1 on; 0 for none. */
  get position(): number {
    return this.current === null ? 0 : this.matches.indexOf(this.current) + 1;
  }

  /** Opens the field; with what Python has found, where it has. */
  show(query = this.query, found: readonly number[] | null = null, hasMore = false): void {
    this.isOpen = true;
    this.isAsked = found === null;
    this.#begin(query);
    if (found) {
      this.#found = new Set(found);
      this.hasMore = hasMore;
      this.progress = "done";
      this.#goToFirst();
    } else if (query) {
      this.#timer = setTimeout(() => void this.#walk(), 0);
    }
    this.#onChange();
  }

  hide(): void {
    if (!this.isOpen) return;
    this.stop();
    this.isOpen = false;
    this.#onChange();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#run += 1;
  }

  want(query: string): void {
    if (query === this.query) return;
    this.#begin(query);
    if (this.needle !== "") {
      this.#timer = setTimeout(() => {
        this.#goToFirst();
        void this.#walk();
      }, PAUSE);
    }
    this.#onChange();
  }

  /** Shows the next match: an older one, or a newer one; after the last comes the first. */
  step(towards: "older" | "newer"): void {
    const { matches } = this;
    const { length } = matches;
    if (length === 0) return;
    const at = this.current === null ? -1 : matches.indexOf(this.current);
    const next = at < 0 ? 0 : (at + (towards === "older" ? 1 : -1) + length) % length;
    this.#goTo(matches[next] ?? null);
  }

  stop(): void {
    this.close();
    if (this.progress === "searching") this.progress = "paused";
    this.#onChange();
  }

  /** Searches on, where it was stopped or has failed. */
  goOn(): void {
    if (this.progress === "paused" || this.progress === "failed") void this.#walk(this.#found.size + ENOUGH);
  }

  #begin(query: string): void {
    this.close();
    this.query = query;
    this.progress = "idle";
    this.current = null;
    this.hasMore = false;
    this.#found = new Set();
    const { messages, hasNewer } = this.#store.state;
    this.before = hasNewer ? null : (messages[0]?.index ?? null);
  }

  /** Asks the kernel for one step after the other. */
  async #walk(enough = ENOUGH): Promise<void> {
    const run = ++this.#run;
    const { comm, state } = this.#store;
    const { query } = this;
    const isAllLoaded = !state.hasNewer && (!state.hasOlder || this.before === 0);
    this.progress = isAllLoaded ? "done" : "searching";
    this.#onChange();
    while (this.progress === "searching") {
      let step: Step;
      try {
        step = stepFrom(await comm.request("search", { query: query.trim(), before: this.before }));
      } catch {
        if (run !== this.#run) return;
        this.progress = "failed";
        break;
      }
      if (run !== this.#run) return;
      this.before = step.before;
      if (step.found.length > 0) this.#found = new Set([...this.#found, ...step.found]);
      if (step.before === null) this.progress = "done";
      else if (this.#found.size >= enough) this.progress = "paused";
      if (this.current === null) this.#goToFirst();
      this.#onChange();
    }
    this.#onChange();
  }

  #goToFirst(): void {
    const [first] = this.matches;
    if (first !== undefined) this.#goTo(first);
  }

  #goTo(index: number | null): void {
    if (index === null) return;
    this.current = index;
    this.#onChange();
    void this.#store.goTo(index).then((there) => {
      if (there || this.current !== index) return;
      this.progress = "failed";
      this.#onChange();
    });
  }

  #look(messages: readonly Message[], needle: string): readonly number[] {
    const first = messages[0]?.index ?? Number.POSITIVE_INFINITY;
    const last = messages[messages.length - 1]?.index ?? Number.NEGATIVE_INFINITY;
    const indexes = [...this.#found].filter((index) => index < first || index > last);
    for (const message of messages) if (this.#textOf(message).includes(needle)) indexes.push(message.index);
    return indexes.sort((a, b) => b - a);
  }

  #textOf(message: Message): string {
    const known = this.#folded.get(message);
    if (known !== undefined) return known;
    const { body, subject, media } = message;
    const text = [body, subject, ...media.map((each) => each.filename)].map((each) => folded(each ?? "")).join("\n");
    this.#folded.set(message, text);
    return text;
  }
}
