/**
 * What is written and not sent, kept for when the page is reloaded: in the tab's own storage, and only until it is sent.
 *
 * One key holds the text of the composer, and each message that waits has a key of its own, so that several views of a
 * conversation do not write over each other. Messages of views that are still there are not given to others.
 */

interface Waiting {
  localId: string;
  body: string;
  date: number;
}

const PREFIX = "convo-widgets";

export class Drafts {
  readonly #texts = new Map<string, string>();
  readonly #own = new Map<string, string>();
  readonly #identity: string;
  readonly #storage: Storage | null;
  /** This load of the page. */
  readonly #page: string;

  /** People who use one tab in turns, or at the same time in several widgets, do not see each other's drafts. */
  constructor(identity: string, storage = storageOf(), page = String(performance.timeOrigin)) {
    this.#identity = identity;
    this.#storage = storage;
    this.#page = page;
  }

  /** The text that is typed in a conversation. */
  textOf(conversationSid: string): string {
    const known = this.#texts.get(conversationSid);
    return known ?? this.#get(this.#key("draft", conversationSid)) ?? "";
  }

  setText(conversationSid: string, text: string): void {
    this.#texts.set(conversationSid, text);
    this.#set(this.#key("draft", conversationSid), text || null);
  }

  /** Keeps the text of a message until it is `dropped`. */
  keep(conversationSid: string, { localId, body, date }: Waiting): void {
    if (body === "") return;
    const key = this.#key("unsent", conversationSid, localId);
    this.#own.set(localId, key);
    this.#set(key, JSON.stringify({ body, date, page: this.#page }));
  }

  drop(localId: string): void {
    const key = this.#own.get(localId);
    if (key !== undefined) this.#set(key, null);
    this.#own.delete(localId);
  }

  /** The messages of a conversation that a page or a view has left behind, oldest first; they are this view's now. */
  leftovers(conversationSid: string): Waiting[] {
    const found: Waiting[] = [];
    const start = this.#key("unsent", conversationSid, "");
    for (const key of this.#keys().filter((each) => each.startsWith(start))) {
      const { body, date, page } = parsed(this.#get(key));
      const localId = key.slice(start.length);
      if (typeof body !== "string" || page === this.#page) continue;
      this.#own.set(localId, key);
      found.push({ localId, body, date: typeof date === "number" ? date : 0 });
    }
    return found.sort((a, b) => a.date - b.date);
  }

  /** The view is closed: what it has not sent is for whoever opens the conversation next. */
  close(): void {
    for (const key of this.#own.values()) {
      const kept = parsed(this.#get(key));
      if (kept.body !== undefined) this.#set(key, JSON.stringify({ ...kept, page: "" }));
    }
  }

  #key(kind: string, ...rest: string[]): string {
    return [PREFIX, kind, this.#identity, ...rest].join(" ");
  }

  // Storage may be forbidden, or full: the draft then lives as long as the view.

  #keys(): string[] {
    try {
      const storage = this.#storage;
      return storage ? Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? "") : [];
    } catch {
      return [];
    }
  }

  #get(key: string): string | null {
    try {
      return this.#storage?.getItem(key) ?? null;
    } catch {
      return null;
    }
  }

  #set(key: string, value: string | null): void {
    try {
      if (value === null) this.#storage?.removeItem(key);
      else this.#storage?.setItem(key, value);
    } catch {}
  }
}

function storageOf(): Storage | null {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // in a sandboxed frame
  }
}

function parsed(value: string | null): Record<string, unknown> {
  try {
    return Object(JSON.parse(value ?? "{}"));
  } catch {
    return {};
  }
}
