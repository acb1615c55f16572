import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import { useOwnKeys } from "../shared/keys";
import type { Target } from "./finding";
import type { ThreadStore } from "./store";

/** The height in pixels of the line above the oldest message; style.css has the same. */
export const TOP_LINE = 44;
/** Pixels from an end at which the next page is asked for. */
const NEAR = 600;
/** Pixels of what stands before the first unread message that are shown with it. */
const CONTEXT = 64;
/** Milliseconds in which the list measures its way to a target: rows that come above would move it to another row. */
const ON_THE_WAY = 300;
/** Pixels that a reader may be off the newest end and still be taken to stand there. */
const AT_END = 4;

interface Indexed {
  index: number | null;
}

interface Parts {
  store: ThreadStore;
  scroller: RefObject<HTMLDivElement | null>;
  list: RefObject<VirtualizerHandle | null>;
  items: readonly Indexed[];
  /** Takes the keys that are pressed in the log, but for End. */
  onKey(event: KeyboardEvent): void;
}

/**
 * Keeps the reader's place: at the newest end as long as they follow it, else at the row they look at.
 *
 * A reader stops following by moving up. Everything else that moves the end away (rows that come, rows that turn out
 * higher than estimated, a smaller view) is answered by going to the end again, before the next paint.
 */
export function useScroll({ store, scroller, list, items, onKey: onOtherKey }: Parts) {
  const lastTop = useRef(0);
  const lastEpoch = useRef(store.state.epoch);
  const hidden = useRef(false);
  const anchor = useRef<{ index: number; offset: number } | null>(null);
  const thrown = useRef<{ following: boolean; anchor: typeof anchor.current } | null>(null);
  const [far, setFar] = useState(false);
  const [lineAbove, setLineAbove] = useState(false);
  const lastTarget = useRef(store.state.target);
  const lineSeen = useRef<unknown>(null);
  const arrival = useRef(0);

  const toEnd = () => {
    const element = scroller.current;
    if (!element) return;
    element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  };

  const toAnchor = () => {
    const wanted = anchor.current;
    if (!wanted) return;
    const at = items.findIndex((item) => item.index !== null && item.index >= wanted.index);
    if (at >= 0) list.current?.scrollToIndex(at, { align: "start", offset: wanted.offset });
  };

  const restore = useRef(toEnd);
  restore.current = () => (store.state.following ? toEnd() : toAnchor());

  /** To a message that was looked for: in the middle, or right below the unread line. */
  const toTarget = ({ index, how }: Target) => {
    const found = items.findIndex((item) => item.index !== null && item.index >= index);
    const at = found < 0 ? items.length - 1 : found;
    const item = items[at];
    if (!item) return;
    const offset = how === "unread" ? -CONTEXT : 0;
    anchor.current = { index: item.index ?? index, offset: how === "unread" ? offset : -CONTEXT };
    list.current?.scrollToIndex(at, { align: how === "unread" ? "start" : "center", offset });
    arrival.current = Date.now() + ON_THE_WAY;
    setTimeout(load, ON_THE_WAY);
    requestAnimationFrame(() => {
      const element = scroller.current;
      const row = element?.querySelector(`[data-index="${item.index}"]`)?.getBoundingClientRect();
      const view = element?.getBoundingClientRect();
      if (!element || !row || !view || row.bottom < view.top || row.top > view.bottom) return; // still on its way
      if (element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END) store.follow(true);
    });
  };

  /** Whether the unread line is further up, and was not seen yet. */
  const lookForLine = (top: number) => {
    const { unread, hasOlder } = store.state;
    const handle = list.current;
    if (!unread || !handle || lineSeen.current === unread) return;
    const at = handle.findItemIndex(top - TOP_LINE);
    const isUnread = (item: Indexed | undefined) => item?.index != null && item.index > unread.after;
    const above = isUnread(items[at]) && (at > 0 ? isUnread(items[at - 1]) : hasOlder);
    if (!above) lineSeen.current = unread;
    setLineAbove(above);
  };

  const remember = (top: number) => {
    const handle = list.current;
    const at = handle ? handle.findItemIndex(top) : -1;
    const index = items[at]?.index;
    if (handle && index != null) anchor.current = { index, offset: top - TOP_LINE - handle.getItemOffset(at) };
  };

  const jump = useCallback(() => {
    store.latest();
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [store, scroller]);

  const onKey = useCallback(
    (event: KeyboardEvent) => {
      if (event.key !== "End" || event.composedPath()[0] !== scroller.current) return onOtherKey(event);
      event.preventDefault(); // the browser glides to where the end was: rows that are measured on the way move it
      jump();
    },
    [scroller, jump, onOtherKey],
  );
  useOwnKeys(scroller, onKey);

  const load = () => {
    const element = scroller.current;
    if (!element || element.clientHeight === 0 || hidden.current || Date.now() < arrival.current) return;
    const { following, hasOlder, hasNewer, older, newer } = store.state;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (following && below > AT_END) return; // still on its way to the end
    if (hasOlder && older === "idle" && element.scrollTop < NEAR) void store.loadOlder();
    if (hasNewer && newer === "idle" && !following && below < NEAR) void store.loadNewer();
  };

  useLayoutEffect(() => {
    const replaced = lastEpoch.current !== store.state.epoch;
    lastEpoch.current = store.state.epoch;
    const { target } = store.state;
    if (target && target !== lastTarget.current) toTarget(target);
    else if (store.state.following || replaced) restore.current();
    lastTarget.current = target;
    queueMicrotask(load); // it renders, which must not happen inside a render
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      const scrollable = element.scrollTop > 0 && element.scrollHeight > element.clientHeight + 1;
      if (event.deltaY < 0 && scrollable) store.follow(false); // even if less than a row: fast batches would pull it back
    };
    // In a hidden tab, or taken out of the page, everything is 0 high and the scroll position is forgotten.
    const sizes = new ResizeObserver(() => {
      const returned = hidden.current && element.clientHeight > 0;
      hidden.current = element.clientHeight === 0;
      if (returned) restore.current();
    });
    // Moved to another place of the page (a cell that is dragged), the scroller is thrown to its top. Its style has an
    // animation for one reason: it starts again then, after the scroll event of that frame, if there is one.
    const onPlaced = (event: AnimationEvent) => {
      if (event.target !== element) return;
      const before = thrown.current;
      thrown.current = null;
      if (before) {
        anchor.current = before.anchor;
        store.follow(before.following);
      }
      if (before || element.scrollTop !== lastTop.current) restore.current();
    };
    element.addEventListener("wheel", onWheel, { passive: true });
    element.addEventListener("animationstart", onPlaced);
    sizes.observe(element);
    return () => {
      element.removeEventListener("animationstart", onPlaced);
      element.removeEventListener("wheel", onWheel);
      sizes.disconnect();
    };
  }, [store, scroller]);

  return {
    /** More than a view away from the newest end. */
    far,

    /** The unread line is above what is seen, and was not seen yet. */
    lineAbove: lineAbove && store.state.unread !== null && lineSeen.current !== store.state.unread,

    onScroll: () => {
      const element = scroller.current;
      if (!element || element.clientHeight === 0 || hidden.current) return;
      const top = element.scrollTop;
      const below = element.scrollHeight - top - element.clientHeight;
      const { following } = store.state;
      thrown.current = top === 0 && lastTop.current > 0 ? { following, anchor: anchor.current } : null;
      if (below <= AT_END && top >= lastTop.current) store.follow(true);
      else if (below > AT_END && top < lastTop.current - 1) store.follow(false);
      lastTop.current = top;
      setFar(below > element.clientHeight);
      if (below <= AT_END || !following) lookForLine(top);
      if (!store.state.following) remember(top);
      load();
    },

    /** Rows were measured, or the view got another size. */
    onResize: () => {
      if (hidden.current) return;
      if (store.state.following) toEnd();
      queueMicrotask(load);
    },

    jump,
  };
}
