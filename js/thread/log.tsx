import { useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { Down } from "../shared/icons";
import type { Header, Message } from "../shared/model";
import { PendingRow } from "./pending";
import { readersOf } from "./receipts";
import { contextOf, MessageRow } from "./row";
import { TOP_LINE, useScroll } from "./scroll";
import { type Pending, visiblePending } from "./sending";
import { type State, unseenCount } from "./state";
import type { ThreadStore } from "./store";

interface Props {
  store: ThreadStore;
  state: State;
  header: Header;
  /** Whether the last change added or took rows at the oldest end. */
  shift: boolean;
}

type Item = Message | Pending;
const isPending = (item: Item): item is Pending => "localId" in item;

const placeOf = (item: Item, identity: string) =>
  isPending(item) ? { author: identity, own: true, channel: "chat", dateCreated: item.date } : item;

/** The scroller: a window on the messages that stays where the reader is. */
export function Log({ store, state, header, shift }: Props) {
  const { messages, seenUpTo } = state;
  const { identity } = header;
  const { readers } = store.traits;
  const pending = visiblePending(state);
  const items: readonly Item[] = pending.length > 0 ? [...messages, ...pending] : messages;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const { far, onScroll, onResize, jump } = useScroll({ store, scroller, list, items });

  const ownName = messages.findLast((each) => each.own)?.name || identity || "You";
  const row = (item: Item, at: number) => {
    const above = items[at - 1];
    const seenAbove = above !== undefined && !isPending(above) && above.index <= seenUpTo;
    const fresh = seenAbove && !isPending(item) && item.index > seenUpTo;
    const context = contextOf(placeOf(item, identity), above ? placeOf(above, identity) : null, fresh);
    if (!isPending(item)) {
      const key = state.landed.get(item.index) ?? `m${item.index}`;
      return <MessageRow key={key} message={item} {...context} {...(item.own && readersOf(readers, item.index))} />;
    }
    const { localId } = item;
    return (
      <PendingRow
        key={localId}
        pending={item}
        author={identity}
        name={ownName}
        onRetry={() => store.retry(localId)}
        onDiscard={() => store.discard(localId)}
        {...context}
      />
    );
  };

  return (
    <div class="cw-log">
      <div
        ref={scroller}
        class="cw-scroller"
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label="Messages"
        aria-live={state.following ? "polite" : "off"} // rows that come into view by scrolling are no news
        aria-busy={state.sync === "opening" && !state.opened}
        onScroll={onScroll}
      >
        <TopLine store={store} state={state} />
        <Virtualizer
          ref={list}
          scrollRef={scroller}
          data={items}
          shift={shift}
          startMargin={TOP_LINE}
          onResize={onResize}
        >
          {row}
        </Virtualizer>
        <BottomLine store={store} state={state} />
      </div>
      <Emptiness state={state} rows={items.length} />
      <Jump state={state} far={far} jump={jump} />
    </div>
  );
}

function TopLine({ store, state }: { store: ThreadStore; state: State }) {
  const { older, opened, hasOlder, messages } = state;
  return (
    <div class="cw-end">
      {older === "loading" && <span class="cw-loading">Loading older messages…</span>}
      {older === "failed" && <Again words="Older messages did not load." again={() => store.loadOlder()} />}
      {older === "idle" && opened && !hasOlder && messages.length > 0 && <span>Beginning of the conversation</span>}
    </div>
  );
}

function BottomLine({ store, state }: { store: ThreadStore; state: State }) {
  if (!state.hasNewer) return null;
  return (
    <div class="cw-end">
      {state.newer === "failed" ? (
        <Again words="Newer messages did not load." again={() => store.loadNewer()} />
      ) : (
        <span class="cw-loading">Loading newer messages…</span>
      )}
    </div>
  );
}

function Again({ words, again }: { words: string; again(): void }) {
  return (
    <span role="alert">
      {words}{" "}
      <button type="button" class="cw-button" onClick={again}>
        Retry
      </button>
    </span>
  );
}

function Emptiness({ state, rows }: { state: State; rows: number }) {
  if (rows > 0 || state.sync === "failed") return null;
  return state.opened ? (
    <p class="cw-empty">No messages yet</p>
  ) : (
    <p class="cw-empty cw-loading cw-late">Loading messages…</p>
  );
}

function Jump({ state, far, jump }: { state: State; far: boolean; jump(): void }) {
  const unseen = unseenCount(state);
  if (state.following || !(unseen > 0 || state.hasNewer || far)) return null;
  const words = unseen > 999 ? "999+ new" : `${unseen} new`;
  return unseen > 0 ? (
    <button type="button" class="cw-jump cw-new" title="Go to the newest message" onClick={jump}>
      {words}
      <Down />
    </button>
  ) : (
    <button
      type="button"
      class="cw-jump"
      title="Go to the newest message"
      aria-label="Go to the newest message"
      onClick={jump}
    >
      <Down />
    </button>
  );
}
