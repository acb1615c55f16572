import { type Comm, RequestFailed, randomId } from "../shared/comm";
import { missingFrom, type Progress, sentIndexFrom, type Traits } from "../shared/model";
import { wire } from "../shared/values";
import { Drafts } from "./drafts";
import type { Attachment, Pending, SendingAction } from "./sending";
import type { State } from "./state";

/** Bytes of a file that go to the kernel at a time: the notebook server drops messages over 10 MB. */
export const CHUNK = 1024 * 1024;

export interface Failure {
  type: string;
  message: string;
}

/** What the outbox uses of its view. */
interface View {
  readonly comm: Comm;
  state(): State;
  traits(): Traits;
  dispatch(action: SendingAction): void;
  /** What is typed or attached has changed by itself. */
  announce(): void;
  latest(): void;
}

/**
 * What a view sends: one message after the other, each once.
 *
 * A message waits while the kernel is silent or its connection is away. Asking the kernel again with the same local id is
 * harmless, so one whose answer did not come is asked for again. Until it is sent its text is in the drafts.
 */
export class Outbox {
  readonly #view: View;
  readonly #drafts: Drafts;
  readonly #files = new Map<string, readonly Attachment[]>();
  /** Messages that are being taken back: they are not asked for any more. */
  readonly #leaving = new Set<string>();
  /** Those that the kernel may have. */
  readonly #asked = new Set<string>();
  readonly #restored = new Set<string>();
  #sentAt = 0;
  #isBusy = false;
  #isClosed = false;

  constructor(view: View) {
    this.#view = view;
    this.#drafts = new Drafts(view.traits().writing.identity);
  }

  /** What is typed and not sent, in the conversation that is shown. */
  get draft(): string {
    return this.#drafts.textOf(this.#view.state().conversationSid);
  }

  set draft(text: string) {
    this.#drafts.setText(this.#view.state().conversationSid, text);
  }

  /** What goes with it. */
  get files(): readonly Attachment[] {
    return this.#files.get(this.#view.state().conversationSid) ?? [];
  }

  set files(files: readonly Attachment[]) {
    this.#files.set(this.#view.state().conversationSid, files);
    this.#view.announce();
  }

  send(body: string, files: readonly Attachment[] = []): void {
    this.#sentAt = Math.max(Date.now(), this.#sentAt + 1); // their order, also within a millisecond
    const message = { localId: randomId(), body, date: this.#sentAt, files };
    this.#drafts.keep(this.#view.state().conversationSid, message);
    this.#view.dispatch({ type: "queued", ...message });
    this.#view.latest();
    this.pump();
  }

  retry(localId: string): void {
    if (this.#find(localId)?.status !== "failed") return;
    this.#view.dispatch({ type: "waiting", localId });
    this.pump();
  }

  /** Gives up a failed message; it goes back to where it was typed if nothing else stands there. */
  discard(localId: string): void {
    const pending = this.#find(localId);
    if (!pending) return;
    if (this.#asked.has(localId)) void this.#askToCancel(localId); // the kernel need not keep it any more
    const isEmpty = this.draft.trim() === "" && this.files.length === 0;
    this.#takeAway(pending, isEmpty);
  }

  /** Takes back a message that is on its way, if that is still possible: what is left of it is in the composer again. */
  async cancel(localId: string): Promise<void> {
    if (this.#leaving.has(localId)) return;
    this.#leaving.add(localId);
    const isHere = !this.#asked.has(localId);
    const gone = isHere || (await this.#askToCancel(localId));
    this.#leaving.delete(localId);
    const pending = this.#find(localId);
    if (pending && gone) this.#takeAway(pending, true);
    this.pump();
  }

  /** Goes on with what waits, if it can. */
  pump(): void {
    void this.#pump();
  }

  /** How far the service is with a message's files. */
  progress({ localId, through, total }: Progress): void {
    const isOwn = this.#find(localId)?.status === "sending";
    if (isOwn) this.#view.dispatch({ type: "upload", localId, upload: { stage: "service", through, total } });
  }

  /** Gives back the texts of messages that a page or a view before this one has not sent. */
  async restore(): Promise<void> {
    const { conversationSid } = this.#view.state();
    if (this.#restored.has(conversationSid)) return;
    this.#restored.add(conversationSid);
    const left = this.#drafts.leftovers(conversationSid);
    if (left.length === 0) return;
    const local_ids = left.map((each) => each.localId);
    const unsent = await this.#view.comm.request("unsent", { local_ids }).catch(() => null);
    if (!Array.isArray(unsent)) return void this.#restored.delete(conversationSid);
    const bodies = left.filter((each) => unsent.includes(each.localId)).map((each) => each.body);
    for (const { localId } of left) this.#drafts.drop(localId);
    if (bodies.length === 0) return;
    this.#drafts.setText(conversationSid, joined(...bodies, this.#drafts.textOf(conversationSid)));
    this.#view.announce();
  }

  close(): void {
    this.#isClosed = true;
    this.#drafts.close();
  }

  #find(localId: string): Pending | undefined {
    return this.#view.state().pending.find((each) => each.localId === localId);
  }

  /** Whether asking the kernel makes sense now; where it is gone for good, a failure says so. */
  get #isOpen(): boolean {
    const { pulse } = this.#view.comm;
    return pulse === "gone" || (pulse === "alive" && this.#view.traits().connection === "connected");
  }

  async #pump(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#isOpen && !this.#isClosed) {
        const next = this.#view
          .state()
          .pending.find((each) => each.status === "waiting" && !this.#leaving.has(each.localId));
        if (!next) return;
        await this.#deliver(next.localId);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  async #deliver(localId: string): Promise<void> {
    this.#asked.add(localId);
    this.#view.dispatch({ type: "sending", localId });
    for (let message = this.#find(localId); message && !this.#leaving.has(localId); message = this.#find(localId)) {
      try {
        const answer = await this.#view.comm.request("send", paramsOf(message));
        const missing = missingFrom(answer);
        if (missing.length === 0) {
          this.#drafts.drop(localId);
          return this.#view.dispatch({ type: "sent", localId, index: sentIndexFrom(answer) });
        }
        for (const { id, offset } of missing) await this.#upload(message, id, offset);
      } catch (error) {
        const failure = failureOf(error);
        const { pulse } = this.#view.comm;
        const isLost = LOST.has(failure.type) && this.#view.traits().connection !== "connected";
        if (failure.type === "Closed" || this.#leaving.has(localId)) return;
        if (failure.type === "Timeout" && pulse === "alive") continue; // busy: it knows the message by its id
        if (failure.type === "Timeout" || isLost) return this.#view.dispatch({ type: "waiting", localId });
        return this.#view.dispatch({ type: "sendFailed", localId, error: failure });
      }
    }
  }

  async #upload(message: Pending, id: string, offset: number): Promise<void> {
    const { localId, files } = message;
    const file = files.find((each) => each.id === id)?.file;
    if (!file) throw new RequestFailed("Error", "The kernel asked for a file that is not here.");
    const before = sizeOf(
      files.slice(
        0,
        files.findIndex((each) => each.id === id),
      ),
    );
    const total = sizeOf(files);
    for (let at = offset; at < file.size && !this.#leaving.has(localId); ) {
      this.#view.dispatch({ type: "upload", localId, upload: { stage: "kernel", through: before + at, total } });
      const bytes = await file
        .slice(at, at + CHUNK)
        .arrayBuffer()
        .catch(() => {
          throw new RequestFailed("Error", `${file.name} cannot be read any more.`);
        });
      const answer = await this.#view.comm.request("upload", { local_id: localId, id, offset: at }, [bytes]);
      const next = wire(answer).offset;
      if (typeof next !== "number" || next <= at) return; // the kernel says anew what it needs
      at = next;
    }
  }

  async #askToCancel(localId: string): Promise<boolean> {
    try {
      return wire(await this.#view.comm.request("cancel", { local_id: localId })).cancelled === true;
    } catch {
      return false; // nobody knows what the kernel did with it: it stays where it is
    }
  }

  #takeAway({ localId, body, files, conversationSid }: Pending, back: boolean): void {
    this.#drafts.drop(localId);
    if (back) {
      this.#drafts.setText(conversationSid, joined(body, this.#drafts.textOf(conversationSid)));
      this.#files.set(conversationSid, [...(this.#files.get(conversationSid) ?? []), ...files]);
    }
    this.#view.dispatch({ type: "discarded", localId });
  }
}

/** Errors of the kernel that say that no answer came: it is safe to ask again with the same local id. */
const LOST = new Set(["ConnectionLost", "RequestTimeout", "ConnectFailed"]);

function paramsOf({ localId, body, conversationSid, files }: Pending): Record<string, unknown> {
  const told = files.map(({ id, file: { name, type, size } }) => ({ id, name, type, size }));
  return { body, local_id: localId, conversation_sid: conversationSid, ...(told.length > 0 && { files: told }) };
}

export const sizeOf = (files: readonly Attachment[]): number => files.reduce((sum, each) => sum + each.file.size, 0);

const joined = (...texts: string[]): string => texts.filter((each) => each.trim() !== "").join("\n");

export function failureOf(error: unknown): Failure {
  if (error instanceof RequestFailed) return { type: error.type, message: error.message };
  return { type: "Error", message: error instanceof Error ? error.message : String(error) };
}
