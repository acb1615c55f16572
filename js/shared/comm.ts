import { type AnyModel, finite, listOf, text, wire } from "./values";

/** Why a request has no result: `type` is the kernel's error class, or one of ours: NoKernel, Timeout, Closed. */
export class RequestFailed extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
    this.name = "RequestFailed";
  }
}

export const NO_KERNEL = "Not connected to a kernel: run the cell again.";

/** What the kernel gives: JSON, and bytes where there are some. */
export interface Answer {
  result: unknown;
  buffers: readonly DataView[];
}

/** Something that failed in the kernel and nobody asked for: a callback, an observer. */
export interface Fault {
  id: number;
  what: string;
  message: string;
  traceback: string;
}

/**
 * Whether the kernel is there; it beats every four seconds. `silent`: busy, or lost without a word. `saved`: this view
 * has never heard of it, and shows what was saved with the notebook.
 */
export type Pulse = "alive" | "silent" | "gone" | "saved";

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: RequestFailed): void;
  timer: ReturnType<typeof setTimeout>;
}

interface Options {
  /** Milliseconds that an answer may take. */
  timeout?: number;
  /** Called when the pulse or the faults have changed. */
  onChange?: () => void;
}

const LOOK = 2000;
/** Milliseconds of silence after which the kernel is asked for a sign of life, and after which it counts as silent. */
const ASK_AFTER = 6000;
const SILENT_AFTER = 9000;
/** The same for one that never said a word to this view: the first answer takes a moment, or there is none to come. */
const SAVED_AFTER = 3000;

const faultFrom = (value: unknown): Fault | null => {
  const fields = wire(value);
  const id = finite(fields.id);
  if (id === null) return null;
  return { id, what: text(fields.what), message: text(fields.message), traceback: text(fields.traceback) };
};

/** A random id. `crypto.randomUUID` is missing on pages served over plain http, as many JupyterHubs are. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * One view's end of a comm: requests and answers, the kernel's pulse, and its faults. The kernel answers to every view
 * of the model, so each view keeps the ids that are its own; what is no response goes to `onMessage`.
 */
export class Comm {
  pulse: Pulse = "alive";
  faults: readonly Fault[] = [];
  readonly #waiting = new Map<string, Waiting>();
  readonly #model: AnyModel;
  readonly #onMessage: (content: unknown) => void;
  readonly #onChange: () => void;
  readonly #timeout: number;
  readonly #look: ReturnType<typeof setInterval>;
  #heard = Date.now();
  #isAsking = false;
  #wasThere = false;

  constructor(model: AnyModel, onMessage: (content: unknown) => void, options: Options = {}) {
    this.#model = model;
    this.#onMessage = onMessage;
    this.#onChange = options.onChange ?? (() => {});
    this.#timeout = options.timeout ?? 30_000;
    model.on("msg:custom", this.#receive);
    this.#look = setInterval(() => this.#feelPulse(), LOOK);
    this.#greet();
  }

  /** The result of a request that is answered in JSON. */
  async request(method: string, params: Record<string, unknown>, buffers?: ArrayBuffer[]): Promise<unknown> {
    return (await this.ask(method, params, buffers)).result;
  }

  /** The same with its bytes; `timeout` (ms) for what may take longer than others. */
  ask(
    method: string,
    params: Record<string, unknown>,
    buffers?: ArrayBuffer[],
    timeout = this.#timeout,
  ): Promise<Answer> {
    const id = randomId();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        const seconds = Math.round(timeout / 1000);
        reject(new RequestFailed("Timeout", `The kernel did not answer within ${seconds} seconds; it may be busy.`));
      }, timeout);
      this.#waiting.set(id, { resolve, reject, timer });
      try {
        this.#model.send({ kind: "request", id, method, params }, undefined, buffers);
      } catch {
        this.#settle(id)?.reject(new RequestFailed("NoKernel", NO_KERNEL));
      }
    });
  }

  /** Puts a fault away, in all views. */
  dismiss(id: number): void {
    this.#setFaults(this.faults.filter((fault) => fault.id !== id));
    this.request("dismiss", { id }).catch(() => {}); // here it is gone, with or without a kernel
  }

  close(): void {
    clearInterval(this.#look);
    this.#model.off("msg:custom", this.#receive);
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id)?.reject(new RequestFailed("Closed", "The view was closed."));
    }
  }

  #settle(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting) clearTimeout(waiting.timer);
    return waiting;
  }

  /** Says that a view is there, and asks what the kernel has to say; any word of it is a sign of life. */
  #greet(): void {
    this.#isAsking = true;
    this.request("hello", {})
      .then((result) => this.#setFaults(listOf(wire(result).faults, faultFrom)))
      .catch(
        (error) =>
          error instanceof RequestFailed &&
          error.type === "NoKernel" &&
          this.#setPulse(this.#wasThere ? "gone" : "saved"),
      )
      .finally(() => {
        this.#isAsking = false;
      });
  }

  #feelPulse(): void {
    const silence = Date.now() - this.#heard;
    const longest = this.#wasThere ? SILENT_AFTER : SAVED_AFTER;
    if (silence > longest && this.pulse === "alive") this.#setPulse(this.#wasThere ? "silent" : "saved");
    if (silence > ASK_AFTER && !this.#isAsking) this.#greet();
  }

  #setPulse(pulse: Pulse): void {
    if (pulse === this.pulse) return;
    this.pulse = pulse;
    this.#onChange();
  }

  #setFaults(faults: readonly Fault[]): void {
    if (faults.length === 0 && this.faults.length === 0) return;
    this.faults = faults;
    this.#onChange();
  }

  readonly #receive = (content: unknown, buffers: readonly DataView[] = []): void => {
    this.#heard = Date.now();
    this.#wasThere = true;
    this.#setPulse("alive");
    const fields = wire(content);
    const own = fields.kind === "response" && typeof fields.id === "string" ? this.#settle(fields.id) : undefined;
    if (own && fields.ok === true) {
      own.resolve({ result: fields.result, buffers });
    } else if (own) {
      const error = wire(fields.error);
      own.reject(new RequestFailed(text(error.type) || "Error", text(error.message) || "The kernel gave no reason."));
    } else if (fields.kind === "faults") {
      this.#setFaults(listOf(fields.faults, faultFrom));
    } else {
      this.#onMessage(content); // also an answer that came too late, and a beat: the kernel speaks
    }
  };
}
