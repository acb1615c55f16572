import type { Message } from "../shared/model";
import type { AnyModel } from "../shared/values";

/** The wire form of a message, as the kernel sends it. */
export const wireMessage = (index: number, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  sid: `IM${index}`,
  index,
  author: "marta",
  name: "Marta Oliveira",
  own: false,
  system: false,
  channel: "chat",
  plain: false,
  body: `message ${index}`,
  subject: null,
  date_created: 1_795_000_000_000 + index * 1000,
  edited: false,
  media: [],
  texts: [],
  content: null,
  reactions: [],
  delivery: null,
  ...fields,
});

export const message = (index: number, fields: Partial<Message> = {}): Message => ({
  sid: `IM${index}`,
  index,
  author: "marta",
  name: "Marta Oliveira",
  own: false,
  system: false,
  deleted: false,
  channel: "chat",
  plain: false,
  body: `message ${index}`,
  subject: null,
  dateCreated: 1_795_000_000_000 + index * 1000,
  edited: false,
  media: [],
  texts: [],
  content: null,
  reactions: [],
  delivery: null,
  ...fields,
});

interface Request {
  id: string;
  method: string;
  params: Record<string, unknown>;
  buffers?: ArrayBuffer[] | undefined;
}

/** The kernel's end of a comm: keeps what views sent and says what the test tells it to. */
export class Kernel implements AnyModel {
  readonly requests: Request[] = [];
  /** Greetings of views; a test answers them, or does not. */
  readonly hellos: Request[] = [];
  readonly traits: Record<string, unknown>;
  dead = false;
  /** How often a view saved what it had set. */
  saved = 0;
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();
  #seq = 0;

  constructor(traits: Record<string, unknown> = {}) {
    const header = { title: "Order 48213", state: "active", names: ["Marta", "Dana"], identity: "dana" };
    this.traits = { conversation_sid: "CH1", _recent: [], _header: header, _connection: "connected", ...traits };
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  on(event: string, callback: (...args: never[]) => void): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: (...args: never[]) => void): void {
    this.#listeners.get(event)?.delete(callback);
  }

  send(content: unknown, _callbacks?: unknown, buffers?: ArrayBuffer[]): void {
    if (this.dead) throw new Error("Cannot send");
    const request = { ...(content as Request), ...(buffers && { buffers }) };
    if (request.method !== "hello") this.requests.push(request);
    else this.hellos.push(request);
  }

  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }

  /** A view sets a trait; the kernel hears of it with `save_changes`. */
  set(name: string, value: unknown): void;
  /** The kernel sets traits. */
  set(traits: Record<string, unknown>): void;
  set(what: string | Record<string, unknown>, value?: unknown): void {
    const traits = typeof what === "string" ? { [what]: value } : what;
    Object.assign(this.traits, traits);
    for (const name of Object.keys(traits)) this.#emit(`change:${name}`);
  }

  save_changes(): void {
    this.saved += 1;
  }

  say(content: unknown, buffers: DataView[] = []): void {
    this.#emit("msg:custom", content, buffers);
  }

  batch(...changes: unknown[]): void {
    this.#seq += 1;
    this.say({ kind: "batch", seq: this.#seq, changes });
  }

  lose(batches = 1): void {
    this.#seq += batches;
  }

  last(method: string): Request {
    const found = this.requests.findLast((each) => each.method === method);
    if (!found) throw new Error(`nobody asked for ${method}`);
    return found;
  }

  count(method: string): number {
    return this.requests.filter((each) => each.method === method).length;
  }

  async answer(method: string, result: unknown): Promise<void> {
    this.say({ kind: "response", id: this.last(method).id, ok: true, result });
    await settled();
  }

  async refuse(method: string, type: string, message: string): Promise<void> {
    this.say({ kind: "response", id: this.last(method).id, ok: false, error: { type, message } });
    await settled();
  }

  answerOpen(messages: unknown[], fields: Record<string, unknown> = {}): Promise<void> {
    return this.answer("open", { messages, has_older: false, seq: this.#seq, typing: [], ...fields });
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args);
  }
}

/** Lets promises that have their value run their callbacks. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
