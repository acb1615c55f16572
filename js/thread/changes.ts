import type { Comm } from "../shared/comm";
import type { Message } from "../shared/model";
import { failureOf } from "./outbox";

/** What a reader is about to do to a message, or has done before the kernel confirmed it. */
export interface Change {
  kind: "editing" | "saving" | "confirming" | "removing";
  /** The new text. */
  text: string;
  /** Why the last try failed. */
  error: string | null;
}

interface Shown {
  of: Message;
  as: Message;
}

/**
 * Edits and removals of one view. What is asked of the kernel is shown at once, and taken back where the answer is no; it
 * steps aside for whatever the kernel tells of the message afterwards.
 */
export class Changes {
  readonly #changes = new Map<string, Change>();
  readonly #shown = new Map<string, Shown>();
  readonly #comm: Comm;
  readonly #announce: () => void;

  constructor(comm: Comm, announce: () => void) {
    this.#comm = comm;
    this.#announce = announce;
  }

  of(sid: string): Change | undefined {
    return this.#changes.get(sid);
  }

  /** A message as it is to be shown. */
  shown(message: Message): Message {
    const known = this.#shown.get(message.sid);
    return known?.of === message ? known.as : message;
  }

  edit({ sid, body }: Message): void {
    this.#put(sid, { kind: "editing", text: body ?? "", error: null });
  }

  /** Keeps what is typed, for when the row is scrolled out of sight. */
  type(sid: string, text: string): void {
    const change = this.#changes.get(sid);
    if (change) change.text = text;
  }

  confirm({ sid }: Message): void {
    this.#put(sid, { kind: "confirming", text: "", error: null });
  }

  leave(sid: string): void {
    this.#changes.delete(sid);
    this.#announce();
  }

  save(message: Message): Promise<void> {
    const text = this.#changes.get(message.sid)?.text ?? "";
    if (text === message.body) return Promise.resolve(this.leave(message.sid));
    return this.#ask("edit", message, { kind: "saving", text, error: null }, { body: text, edited: true }, "editing");
  }

  remove(message: Message): Promise<void> {
    return this.#ask("remove", message, { kind: "removing", text: "", error: null }, { deleted: true }, "confirming");
  }

  async #ask(
    method: "edit" | "remove",
    message: Message,
    change: Change,
    shown: Partial<Message>,
    before: Change["kind"],
  ): Promise<void> {
    const { sid, index } = message;
    this.#shown.set(sid, { of: message, as: { ...message, ...shown } });
    this.#put(sid, change);
    try {
      await this.#comm.request(method, { index, sid, body: change.text });
      this.leave(sid); // what is shown stays until the kernel tells of the message
    } catch (error) {
      this.#shown.delete(sid);
      this.#put(sid, { ...change, kind: before, error: failureOf(error).message });
    }
  }

  #put(sid: string, change: Change): void {
    this.#changes.set(sid, change);
    this.#announce();
  }
}
