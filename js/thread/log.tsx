import { useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import type { Pulse } from "../shared/comm";
import { Down, Up } from "../shared/icons";
import type { Header, Message } from "../shared/model";
import type { Connection } from "../shared/values";
import { useActive } from "./active";
import { useHorizon } from "./horizon";
import { useMenu } from "./menu";
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

const placedOf = (item: Item, identity: string) =>
  isPending(item) ? { author: identity, own: true, channel: "chat", dateCreated: item.date } : item;

/** The index of the message that is shown for this one: itself, or the next one, or the last. */
const shownAt = (messages: readonly Message[], index: number): number | undefined =>
  (messages.find((each) => each.index >= index) ?? messages[messages.length - 1])?.index;

/** The scroller: a window on the messages that stays where the reader is. */
export function Log({ store, state, header, shift }: Props) {
  const { messages, seenUpTo } = state;
  const { identity } = header;
  const { readers } = store.traits;
  const pending = visiblePending(state);
  const items: readonly Item[] = pending.length > 0 ? [...messages, ...pending] : messages;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const active = useActive({ store, scroller, list, items });
  const { far, lineAbove, onScroll, onResize, jump } = useScroll({ store, scroller, list, items, onKey: active.onKey });
  const menu = useMenu(store, scroller);
  useHorizon(store, scroller);
  const { needle } = store.search;
  const selected = new Set(store.traits.selected);
  const { unread, target } = state;
  const flashed = target?.how === "found" && shownAt(messages, target.index);

  /** What the line above a message says of what is new, "" where there is none. */
  const freshWords = (index: number, above: Item | undefined): string => {
    const isFirstAfter = (last: number) => index > last && (above ? !isPending(above) && above.index <= last : false);
    if (unread && (isFirstAfter(unread.after) || (!above && !state.hasOlder && index > unread.after))) {
      return `${unread.count.toLocaleString()} new`;
    }
    return isFirstAfter(seenUpTo) ? "New" : "";
  };

  const ownName = messages.findLast((each) => each.own)?.name || identity || "You";
  const row = (item: Item, at: number) => {
    const above = items[at - 1];
    const fresh = isPending(item) ? "" : freshWords(item.index, above);
    const context = contextOf(placedOf(item, identity), above ? placedOf(above, identity) : null, fresh);
    if (!isPending(item)) {
      const key = state.landed.get(item.index) ?? `m${item.index}`;
      const isSelected = selected.has(item.sid);
      const isCurrent = needle !== "" && item.index === store.search.current;
      const flash = item.index === flashed ? ` cw-flash-${(target?.id ?? 0) % 2}` : "";
      return (
        <div key={key} class={`cw-item${isSelected ? " cw-selected" : ""}${isCurrent ? " cw-current" : ""}${flash}`}>
          {isSelected && <span class="cw-hidden">Selected</span>}
          <MessageRow
            message={store.changes.shown(item)}
            change={store.changes.of(item.sid)}
            changes={store.changes}
            highlight={needle}
            {...context}
            {...(item.own && readersOf(readers, item.index))}
          />
        </div>
      );
    }
    const { localId } = item;
    return (
      <PendingRow
        key={localId}
        pending={item}
        author={identity}
        name={ownName}
        held={heldWords(store.comm.pulse, store.traits.connection)}
        onRetry={() => store.outbox.retry(localId)}
        onDiscard={() => store.outbox.discard(localId)}
        onCancel={() => void store.outbox.cancel(localId)}
        {...context}
      />
    );
  };

  return (
    <div class="cw-log">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Space does what a click does, see active.ts */}
      <div
        ref={scroller}
        class="cw-scroller"
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label="Messages"
        aria-live={state.following ? "polite" : "off"} // rows that come into view by scrolling are no news
        aria-busy={state.sync === "opening" && !state.opened}
        onScroll={() => {
          onScroll();
          menu.onScroll();
        }}
        onClick={(event) => {
          active.onClick(event);
          menu.onClick(event);
        }}
        onFocusIn={active.onFocusIn}
        onFocusOut={active.onFocusOut}
      >
        <TopLine store={store} state={state} />
        <Virtualizer
          ref={list}
          scrollRef={scroller}
          data={items}
          shift={shift}
          startMargin={TOP_LINE}
          keepMounted={active.kept}
          onResize={onResize}
        >
          {row}
        </Virtualizer>
        <BottomLine store={store} state={state} />
      </div>
      {menu.element}
      <Emptiness state={state} rows={items.length} />
      {lineAbove && unread && (
        <button
          type="button"
          class="cw-jump cw-new cw-to-unread"
          title="Go to the first message that you have not read"
          onClick={() => void store.goTo(unread.after + 1, "unread")}
        >
          {newWords(unread.count)}
          <Up />
        </button>
      )}
      <Jump state={state} far={far} jump={jump} />
    </div>
  );
}

/** What messages on their way wait for, or null. */
function heldWords(pulse: Pulse, connection: Connection): string | null {
  if (pulse === "silent") return "waits for the kernel";
  return connection === "connected" ? null : "waits for the connection";
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

const newWords = (count: number): string => (count > 999 ? "999+ new" : `${count} new`);

function Jump({ state, far, jump }: { state: State; far: boolean; jump(): void }) {
  const unseen = unseenCount(state);
  if (state.following || !(unseen > 0 || state.hasNewer || far)) return null;
  return unseen > 0 ? (
    <button type="button" class="cw-jump cw-new" title="Go to the newest message" onClick={jump}>
      {newWords(unseen)}
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
