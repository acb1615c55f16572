import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import type { ThreadStore } from "./store";

/** The height in pixels of the line above the oldest message; style.css has the same. */
export const TOP_LINE = 44;
/** Pixels from an end at which the next page is asked for. */
const NEAR = 600;
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
}

/**
 * Keeps the reader's place: at the newest end as long as they follow it, else at the row they look at.
 *
 * A reader stops following by moving up. Everything else that moves the end away (rows that come, rows that turn out
 * higher than estimated, a smaller view) is answered by going to the end again, before the next paint.
 */
export function useScroll({ store, scroller, list, items }: Parts) {
  const lastTop = useRef(0);
  const lastEpoch = useRef(store.state.epoch);
  const hidden = useRef(false);
  const anchor = useRef<{ index: number; offset: number } | null>(null);
  const [far, setFar] = useState(false);

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

  const remember = (top: number) => {
    const handle = list.current;
    const at = handle ? handle.findItemIndex(top) : -1;
    const index = items[at]?.index;
    if (handle && index != null) anchor.current = { index, offset: top - TOP_LINE - handle.getItemOffset(at) };
  };

  const load = () => {
    const element = scroller.current;
    if (!element || element.clientHeight === 0) return;
    const { following, hasOlder, hasNewer, older, newer } = store.state;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (following && below > AT_END) return; // still on its way to the end
    if (hasOlder && older === "idle" && element.scrollTop < NEAR) void store.loadOlder();
    if (hasNewer && newer === "idle" && !following && below < NEAR) void store.loadNewer();
  };

  useLayoutEffect(() => {
    const replaced = lastEpoch.current !== store.state.epoch;
    lastEpoch.current = store.state.epoch;
    if (store.state.following) toEnd();
    else if (replaced) toAnchor();
    queueMicrotask(load); // it renders, which must not happen inside a render
  });

  useEffect(() => {
    const element = scroller.current;
    const onWheel = (event: WheelEvent) => {
      const scrollable = element && element.scrollTop > 0 && element.scrollHeight > element.clientHeight + 1;
      if (event.deltaY < 0 && scrollable) store.follow(false); // even if less than a row: fast batches would pull it back
    };
    element?.addEventListener("wheel", onWheel, { passive: true });
    return () => element?.removeEventListener("wheel", onWheel);
  }, [store, scroller]);

  return {
    /** More than a view away from the newest end. */
    far,

    onScroll: () => {
      const element = scroller.current;
      if (!element || element.clientHeight === 0 || hidden.current) return;
      const top = element.scrollTop;
      const below = element.scrollHeight - top - element.clientHeight;
      if (below <= AT_END && top >= lastTop.current) store.follow(true);
      else if (below > AT_END && top < lastTop.current - 1) store.follow(false);
      lastTop.current = top;
      setFar(below > element.clientHeight);
      if (!store.state.following) remember(top);
      load();
    },

    /** Rows were measured, or the view got another size, or it comes back from a hidden tab, where sizes are 0. */
    onResize: () => {
      const element = scroller.current;
      if (!element) return;
      const returned = hidden.current && element.clientHeight > 0;
      hidden.current = element.clientHeight === 0;
      if (hidden.current) return;
      if (store.state.following) toEnd();
      else if (returned) toAnchor();
      queueMicrotask(load);
    },

    jump: () => {
      store.latest();
      toEnd();
    },
  };
}
