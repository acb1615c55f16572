import type { AnyModel } from "./model";

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

interface Waiting {
  resolve(result: unknown): void;
  reject(error: RequestFailed): void;
  timer: ReturnType<typeof setTimeout>;
}

/** A random id. `crypto.randomUUID` is missing on pages served over plain http, as many JupyterHubs are. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Requests and answers over one view's end of a comm. The kernel answers to every view of the model, so each view
 * keeps the ids that are its own and passes everything that is not a response to `onMessage`.
 */
export class Comm {
  readonly #waiting = new Map<string, Waiting>();
  readonly #model: AnyModel;
  readonly #onMessage: (content: unknown) => void;
  readonly #timeout: number;

  /** `timeout` in milliseconds. */
  constructor(model: AnyModel, onMessage: (content: unknown) => void, timeout = 30_000) {
    this.#model = model;
    this.#onMessage = onMessage;
    this.#timeout = timeout;
    model.on("msg:custom", this.#receive);
  }

  request(method: string, params: Record<string, unknown>): Promise<unknown> {
    const id = randomId();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        const seconds = Math.round(this.#timeout / 1000);
        reject(new RequestFailed("Timeout", `The kernel did not answer within ${seconds} seconds; it may be busy.`));
      }, this.#timeout);
      this.#waiting.set(id, { resolve, reject, timer });
      try {
        this.#model.send({ kind: "request", id, method, params });
      } catch {
        this.#settle(id)?.reject(new RequestFailed("NoKernel", NO_KERNEL));
      }
    });
  }

  close(): void {
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

  readonly #receive = (content: unknown): void => {
    const fields = (typeof content === "object" && content !== null ? content : {}) as Record<string, unknown>;
    const own = fields.kind === "response" && typeof fields.id === "string" ? this.#settle(fields.id) : undefined;
    if (!own) {
      this.#onMessage(content);
    } else if (fields.ok === true) {
      own.resolve(fields.result);
    } else {
      const error = (fields.error ?? {}) as Record<string, unknown>;
      const type = typeof error.type === "string" ? error.type : "Error";
      const message = typeof error.message === "string" && error.message ? error.message : "The kernel gave no reason.";
      own.reject(new RequestFailed(type, message));
    }
  };
}
