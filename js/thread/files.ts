import type { Comm } from "../shared/comm";
import type { Medium } from "../shared/model";
import { finite, wire } from "../shared/values";

/** Bytes of files that are kept, so that a row which comes into sight again has its picture at once. */
const KEPT = 48 * 1024 * 1024;

interface Job {
  index: number;
  medium: Medium;
  signal: AbortSignal | undefined;
  onPart: ((part: number) => void) | undefined;
  resolve(blob: Blob): void;
  reject(reason: unknown): void;
}

/**
 * Files of messages, fetched through the kernel: the page asks no other host, so pictures come where the service is out
 * of the page's reach, and nobody learns from a picture who looks at it. One at a time, the newest wish first: what is
 * in sight comes before what was scrolled past.
 */
export class Files {
  readonly #comm: Comm;
  readonly #kept = new Map<string, Blob>();
  readonly #queue: Job[] = [];
  #running = false;

  constructor(comm: Comm) {
    this.#comm = comm;
  }

  /** What is there already. */
  peek(sid: string): Blob | undefined {
    return this.#kept.get(sid);
  }

  /** The bytes of a medium, of no type. `onPart` hears how much of it is there, 0 to 1. */
  get(index: number, medium: Medium, signal?: AbortSignal, onPart?: (part: number) => void): Promise<Blob> {
    const kept = this.#kept.get(medium.sid);
    if (kept) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      this.#queue.push({ index, medium, signal, onPart, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let job = this.#queue.pop(); job; job = this.#queue.pop()) {
      try {
        job.resolve(this.#kept.get(job.medium.sid) ?? (await this.#fetch(job)));
      } catch (error) {
        job.reject(error);
      }
    }
    this.#running = false;
  }

  async #fetch({ index, medium, signal, onPart }: Job): Promise<Blob> {
    const parts: DataView<ArrayBuffer>[] = [];
    for (let start = 0, size = 1; start < size; ) {
      signal?.throwIfAborted();
      const { result, buffers } = await this.#comm.ask("bytes", { index, sid: medium.sid, start });
      const part = buffers[0] as DataView<ArrayBuffer> | undefined;
      size = finite(wire(result).size) ?? 0;
      if (!part || (part.byteLength === 0 && start < size)) throw new Error("The file ended before its end.");
      parts.push(part);
      start += part.byteLength;
      onPart?.(size > 0 ? start / size : 1);
    }
    const blob = new Blob(parts);
    this.#keep(medium.sid, blob);
    return blob;
  }

  #keep(sid: string, blob: Blob): void {
    this.#kept.set(sid, blob);
    let total = [...this.#kept.values()].reduce((sum, each) => sum + each.size, 0);
    for (const [oldest, { size }] of this.#kept) {
      if (total <= KEPT || oldest === sid) break;
      this.#kept.delete(oldest);
      total -= size;
    }
  }
}

/** A name that a file may have on any disk: what could lead out of the folder, hide its end or break a line is left out. */
export function safeName(filename: string | null, otherwise: string): string {
  const name = (filename ?? "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "")
    .replace(/[\\/:*?"<>|]/g, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  if (!name) return otherwise;
  const [, stem, end] = /^(.*?)(\.[A-Za-z0-9]{1,10})?$/su.exec(name) ?? [];
  return `${[...(stem ?? name)].slice(0, 100).join("")}${end ?? ""}`;
}

/** Gives the bytes to the reader as a file. Their type is of no kind that a browser would open in this page's name. */
export function save(blob: Blob, name: string, document: Document): void {
  const url = URL.createObjectURL(blob.slice(0, blob.size, "application/octet-stream"));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may read it only after the reader chose a place
}
