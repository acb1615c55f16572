import { type AnyModel, unsealed, type Wire, wire } from "./values";

type Listener = (...args: never[]) => void;

/** The model of a widget inside another one: the traits it has, and messages that travel as messages of the host. */
class Part implements AnyModel {
  readonly #host: AnyModel;
  readonly #name: string;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #unsaved = new Set<string>();
  #state: Wire;

  constructor(host: AnyModel, name: string, state: Wire) {
    this.#host = host;
    this.#name = name;
    this.#state = state;
  }

  get(name: string): unknown {
    return unsealed(this.#state[name]);
  }

  set(name: string, value: unknown): void {
    this.#unsaved.add(name);
    this.update({ [name]: value });
  }

  save_changes(): void {
    const state = Object.fromEntries([...this.#unsaved].map((name) => [name, this.#state[name]]));
    this.#unsaved.clear();
    this.#host.send({ kind: "part", part: this.#name, state });
  }

  on(event: string, callback: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: Listener): void {
    this.#listeners.get(event)?.delete(callback);
  }

  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void {
    this.#host.send({ kind: "part", part: this.#name, content }, callbacks, buffers);
  }

  /** Traits have these values now; who listens to one that is another than before hears of it. */
  update(state: Wire): void {
    const changed = Object.keys(state).filter((name) => !isSame(this.#state[name], state[name]));
    this.#state = { ...this.#state, ...state };
    for (const name of changed) this.#emit(`change:${name}`);
  }

  hear(content: unknown, buffers: readonly DataView[]): void {
    this.#emit("msg:custom", content, buffers);
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args);
  }
}

const isSame = (one: unknown, other: unknown): boolean =>
  one === other || JSON.stringify(one) === JSON.stringify(other);

/** The parts of a host by name, each as soon as the kernel has told its traits. */
export class Parts {
  readonly #parts = new Map<string, Part>();
  readonly #host: AnyModel;
  readonly #onPart: (name: string, part: AnyModel) => void;

  /** `onPart` is called once for each part. */
  constructor(host: AnyModel, onPart: (name: string, part: AnyModel) => void) {
    this.#host = host;
    this.#onPart = onPart;
    host.on("msg:custom", this.#receive);
    this.update(host.get("_parts"));
  }

  /** The answer of the kernel to `parts`. */
  update(states: unknown): void {
    for (const [name, state] of Object.entries(wire(states))) this.#put(name, wire(state));
  }

  close(): void {
    this.#host.off("msg:custom", this.#receive);
  }

  #put(name: string, state: Wire): void {
    const known = this.#parts.get(name);
    if (known) {
      known.update(state);
      return;
    }
    const part = new Part(this.#host, name, state);
    this.#parts.set(name, part);
    this.#onPart(name, part);
  }

  readonly #receive = (content: unknown, buffers: readonly DataView[] = []): void => {
    const { kind, part, state, content: inner } = wire(content);
    if (kind !== "part" || typeof part !== "string") return;
    if (state !== undefined) this.#put(part, wire(state));
    else this.#parts.get(part)?.hear(inner, buffers);
  };
}
