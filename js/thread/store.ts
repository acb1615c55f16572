import { Comm } from "../shared/comm";
import {
  batchFrom,
  type Message,
  openPageFrom,
  type Page,
  pageFrom,
  progressFrom,
  RECENT_EVENT,
  recentOf,
  TRAIT_EVENTS,
  type Traits,
  traitsOf,
} from "../shared/model";
import { type AnyModel, wire } from "../shared/values";
import { Changes } from "./changes";
import { aroundFrom, beginningFrom, type Goal, goalFrom, isHeld, type Target } from "./finding";
import { failureOf, Outbox } from "./outbox";
import { Search } from "./searching";
import type { Attachment } from "./sending";
import { type Action, CAP, initialState, reduce, SLACK, type State } from "./state";

/** Messages asked for at a time. */
export const PAGE = 50;
/** Milliseconds between two `typing` requests: the other side forgets after about five seconds. */
const TYPING_EVERY = 3000;

/** One view's state and its talk with the kernel. Listeners are called once for each action, in order. */
export class ThreadStore {
  state: State;
  traits: Traits;
  readonly #model: AnyModel;
  readonly comm: Comm;
  readonly search: Search;
  readonly outbox: Outbox;
  readonly changes: Changes;
  readonly #listeners = new Set<(shift: boolean) => void>();
  #recent: unknown;
  #typedAt = 0;
  #closed = false;
  /** The newest index that the kernel knows to be read. */
  #horizon = -1;
  #goal: Goal | null = null;
  #lastGoal = 0;
  #going = 0;

  /** `timeout` of a request in milliseconds. */
  constructor(model: AnyModel, timeout?: number) {
    this.#model = model;
    this.traits = traitsOf(model);
    this.#recent = model.get("_recent");
    this.state = initialState(this.traits.conversationSid, recentOf(model));
    this.comm = new Comm(model, this.#receive, { ...(timeout && { timeout }), onChange: this.#noticed });
    this.outbox = new Outbox({
      comm: this.comm,
      state: () => this.state,
      traits: () => this.traits,
      dispatch: (action) => this.#dispatch(action),
      announce: () => this.#announce(),
      latest: () => this.latest(),
    });
    this.changes = new Changes(this.comm, () => this.#announce());
    this.search = new Search(this, () => this.#announce());
    for (const event of TRAIT_EVENTS) model.on(event, this.#readTraits);
    model.on(RECENT_EVENT, this.#readRecent);
    void this.#open();
  }

  /** `shift` tells a listener that rows came or went at the oldest end. */
  subscribe(listener: (shift: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.search.close();
    for (const event of TRAIT_EVENTS) this.#model.off(event, this.#readTraits);
    this.#model.off(RECENT_EVENT, this.#readRecent);
    this.comm.close();
    this.outbox.close();
    this.#listeners.clear();
  }

  follow(following: boolean): void {
    if (following !== this.state.following) this.#dispatch({ type: "follow", following });
  }

  /** To the newest end, which is read again when it is not loaded. */
  latest(): void {
    if (this.state.hasNewer) {
      this.#dispatch({ type: "latest" });
      void this.#open();
    } else {
      this.follow(true);
    }
  }

  /** Shows the message with this index, or the one after it, with those around it. False where they do not load. */
  async goTo(index: number, how: Target["how"] = "found"): Promise<boolean> {
    this.#going += 1;
    const { conversationSid } = this.state;
    const going = this.#going;
    if (!isHeld(this.state, index)) {
      let answer: unknown;
      try {
        answer = await this.comm.request("around", { index, count: PAGE });
      } catch {
        return false;
      }
      if (conversationSid !== this.state.conversationSid || going !== this.#going) return true;
      this.#dispatch({ type: "around", around: aroundFrom(answer) });
    }
    this.#dispatch({ type: "target", index, how });
    return true;
  }

  /** Whether there is something that can be marked as read. */
  get hasUnread(): boolean {
    const { sync, newest } = this.state;
    const { markRead, readOnly } = this.traits;
    return markRead && !readOnly && sync === "open" && this.comm.pulse === "alive" && newest > this.#horizon;
  }

  /** The reader has seen it and what came before it. */
  saw(index: number): void {
    if (!this.hasUnread || index <= this.#horizon) return;
    const before = this.#horizon;
    this.#horizon = index;
    this.comm.request("read", { index, conversation_sid: this.state.conversationSid }).catch(() => {
      if (this.#horizon === index) this.#horizon = before; // said again with the next look
    });
  }

  /** Selects a message, or does not any more. */
  toggle(sid: string): void {
    const { selected } = this.traits;
    const next = selected.includes(sid) ? selected.filter((each) => each !== sid) : [...selected, sid];
    this.#model.set("selected", next);
    this.#model.save_changes();
  }

  reopen(): void {
    this.#dispatch({ type: "wanted" });
    void this.#open();
  }

  async loadOlder(): Promise<void> {
    const before = this.state.messages[0]?.index;
    const { sync, older, hasOlder, conversationSid } = this.state;
    if (sync !== "open" || older === "loading" || !hasOlder || before === undefined) return;
    this.#dispatch({ type: "olderLoading" });
    const page = await this.#page("older", { before, count: PAGE });
    if (conversationSid !== this.state.conversationSid) return;
    if (!page) return this.#dispatch({ type: "olderFailed" });
    this.#dispatch({ type: "olderLoaded", page, before }, true);
    if (!this.state.following) this.#trim("newest", CAP);
  }

  async loadNewer(): Promise<void> {
    const after = this.state.messages[this.state.messages.length - 1]?.index;
    const { sync, newer, hasNewer, conversationSid } = this.state;
    if (sync !== "open" || newer === "loading" || !hasNewer || after === undefined) return;
    this.#dispatch({ type: "newerLoading" });
    const page = await this.#page("newer", { after, count: PAGE });
    if (conversationSid !== this.state.conversationSid) return;
    if (!page) return this.#dispatch({ type: "newerFailed" });
    this.#dispatch({ type: "newerLoaded", page, after });
    this.#trim("oldest", CAP);
  }

  send(body: string, files: readonly Attachment[] = []): void {
    this.#typedAt = 0;
    this.outbox.send(body, files);
  }

  /** Tells the others that the reader writes, at most every few seconds. */
  typing(): void {
    const now = Date.now();
    if (this.state.sync !== "open" || now - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = now;
    this.comm.request("typing", {}).catch(() => {}); // a sign of life: losing one is nothing to tell
  }

  async #open(): Promise<void> {
    if (this.state.sync !== "wanted") return;
    const { conversationSid } = this.state;
    this.#dispatch({ type: "opening" });
    try {
      const answer = await this.comm.request("open", { count: PAGE });
      if (conversationSid !== this.state.conversationSid) return;
      const { horizon, unread, goal } = beginningFrom(answer);
      this.#horizon = Math.max(this.#horizon, horizon);
      this.#dispatch({ type: "opened", page: openPageFrom(answer), unread });
      this.#pursue(goal ?? this.#goal);
      void this.outbox.restore();
      if (this.state.hasNewer) void this.#refresh();
    } catch (error) {
      if (conversationSid === this.state.conversationSid) {
        this.#dispatch({ type: "openFailed", error: failureOf(error) });
      }
    }
    void this.#open(); // a batch may have been lost again meanwhile
  }

  /** Goes where Python sends the views; each goal once, and when the thread is there. */
  #pursue(goal: Goal | null): void {
    if (!goal || goal.id <= this.#lastGoal) return;
    if (this.state.sync !== "open") {
      this.#goal = goal;
      return;
    }
    this.#goal = null;
    this.#lastGoal = goal.id;
    if (goal.query === null) void this.goTo(goal.index);
    else this.search.show(goal.query, goal.found, goal.more);
  }

  /** Reads the held stretch again, for a reader who is not at the newest end. The kernel may give less than asked for. */
  async #refresh(): Promise<void> {
    const { messages: held, conversationSid } = this.state;
    const first = held[0]?.index;
    const last = held[held.length - 1]?.index;
    if (first === undefined || last === undefined) return this.latest();
    this.#dispatch({ type: "newerLoading" });
    const messages: Message[] = [];
    for (let after = first - 1, more = true; more && after < last; ) {
      const page = await this.#page("newer", { after, count: held.length - messages.length || PAGE });
      if (conversationSid !== this.state.conversationSid) return;
      if (!page || this.state.messages[0]?.index !== first) return this.#dispatch({ type: "newerFailed" });
      messages.push(...page.messages.filter((each) => each.index > after));
      more = page.more && page.messages.length > 0;
      after = messages[messages.length - 1]?.index ?? last;
      if (!more || after >= last) this.#dispatch({ type: "refreshed", page: { messages, more: page.more } });
    }
    if (this.state.messages.length === 0) this.latest();
  }

  async #page(method: "older" | "newer", params: Record<string, number>): Promise<Page | null> {
    try {
      return pageFrom(await this.comm.request(method, params), method);
    } catch {
      return null; // the row says that it failed and offers to try again
    }
  }

  #trim(side: "oldest" | "newest", limit: number): void {
    if (this.state.messages.length > limit) this.#dispatch({ type: "trim", side }, side === "oldest");
  }

  #dispatch(action: Action, shift = false): void {
    if (this.#closed) return;
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.#listeners) listener(shift);
  }

  readonly #receive = (content: unknown): void => {
    const { sync, error } = this.state;
    // A kernel that speaks after all, be it with an answer that came too late: ask again.
    if (sync === "failed" && (error?.type === "Timeout" || error?.type === "NoKernel")) this.reopen();
    const { kind } = wire(content);
    if (kind === "goal") this.#pursue(goalFrom(content));
    const progress = progressFrom(content);
    if (progress) this.outbox.progress(progress);
    const batch = batchFrom(content);
    if (!batch) return;
    this.#dispatch({ type: "batch", batch });
    this.#trim(this.state.following ? "oldest" : "newest", CAP + SLACK);
    void this.#open();
  };

  readonly #readTraits = (): void => {
    if (this.#closed) return;
    this.traits = traitsOf(this.#model);
    const { conversationSid } = this.traits;
    if (conversationSid === this.state.conversationSid) {
      this.#announce();
      this.outbox.pump();
      return;
    }
    // The old conversation's messages are still in the trait when the kernel has not set it yet.
    const recent = this.#model.get("_recent") === this.#recent ? [] : recentOf(this.#model);
    this.#recent = this.#model.get("_recent");
    this.#horizon = -1;
    this.search.hide();
    this.#dispatch({ type: "conversation", conversationSid, recent });
    void this.#open();
  };

  /** The kernel's pulse or its faults have changed. */
  readonly #noticed = (): void => {
    this.#announce();
    this.outbox.pump();
  };

  #announce(): void {
    for (const listener of this.#listeners) listener(false);
  }

  readonly #readRecent = (): void => {
    this.#recent = this.#model.get("_recent");
    if (!this.state.opened) this.#dispatch({ type: "recent", messages: recentOf(this.#model) });
  };
}
