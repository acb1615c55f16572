import { createContext } from "preact";
import type { Traits } from "../shared/model";
import type { Content } from "./content";
import { Files } from "./files";
import type { ThreadStore } from "./store";

/** Rich contents that are kept, and foldings that are remembered. */
const KEPT = 500;

/** What rows ask for, and what they remember while they are out of sight. One for each view of a conversation. */
export class Desk {
  readonly files: Files;
  readonly #store: ThreadStore;
  readonly #contents = new Map<string, Content>();
  readonly #open = new Set<string>();

  constructor(store: ThreadStore) {
    this.#store = store;
    this.files = new Files(store.comm);
  }

  ask(method: "content" | "receipts" | "react", params: Record<string, unknown>): Promise<unknown> {
    return this.#store.comm.request(method, params);
  }

  /** Sends a text as a message, as if it had been typed. */
  say(text: string): void {
    this.#store.send(text);
  }

  contentOf(sid: string): Content | undefined {
    return this.#contents.get(sid);
  }

  keepContent(sid: string, content: Content): void {
    if (this.#contents.size >= KEPT) this.#contents.clear();
    this.#contents.set(sid, content);
  }

  /** Whether the reader has unfolded it. */
  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  setOpen(key: string, open: boolean): void {
    if (this.#open.size >= KEPT) this.#open.clear();
    if (open) this.#open.add(key);
    else this.#open.delete(key);
  }
}

export interface Reading {
  /** None where there is no view around the row. */
  desk: Desk | null;
  times: Traits["times"];
  markdown: boolean;
  /** Whether the reader may send and react. */
  canWrite: boolean;
}

/** What the rows of one view share. A row renders anew when it changes, which is seldom. */
export const ReadingContext = createContext<Reading>({
  desk: null,
  times: "clock",
  markdown: false,
  canWrite: false,
});
