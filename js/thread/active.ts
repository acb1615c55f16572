import type { RefObject } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import type { ThreadStore } from "./store";

/** Pixels that an arrow key moves a message that is higher than the view. */
const STEP = 60;

interface Indexed {
  index: number | null;
}

interface Parts {
  store: ThreadStore;
  scroller: RefObject<HTMLElement | null>;
  list: RefObject<VirtualizerHandle | null>;
  items: readonly Indexed[];
}

const rowOf = (target: EventTarget | undefined): HTMLElement | null =>
  target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;

/**
 * The message that has the focus, or something in it: the arrow keys move it, Space selects it. It stays in the page while
 * it is scrolled out of sight: else the focus would be lost, and the next key would go to the notebook.
 */
export function useActive({ store, scroller, list, items }: Parts) {
  const [active, setActive] = useState<number | null>(null);
  const wanted = useRef<number | null>(null);
  const at = active === null ? -1 : items.findIndex((item) => item.index === active);
  const latest = useRef({ items, at });
  latest.current = { items, at };

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || active === null) return;
    if (wanted.current === active) {
      const row = element.querySelector<HTMLElement>(`[data-index="${active}"]`);
      if (!row) return;
      wanted.current = null;
      row.tabIndex = -1;
      row.focus({ preventScroll: true });
    } else if (at < 0) {
      setActive(null); // it went with its part of the window
      element.focus({ preventScroll: true });
    }
  });

  const move = useCallback(
    (by: 1 | -1) => {
      const element = scroller.current;
      const handle = list.current;
      const { items, at } = latest.current;
      if (!element || !handle) return;
      const row = at < 0 ? null : element.querySelector(`[data-index="${items[at]?.index}"]`);
      const view = element.getBoundingClientRect();
      const shown = row?.getBoundingClientRect();
      const sticksOut = shown && (by > 0 ? shown.bottom > view.bottom + 1 : shown.top < view.top - 1);
      const isNear = shown && shown.bottom > view.top && shown.top < view.bottom;
      if (sticksOut && isNear) {
        element.scrollTop += by * STEP;
        return;
      }
      const edge = by > 0 ? element.scrollTop : element.scrollTop + element.clientHeight - 1;
      const next = at >= 0 ? at + by : handle.findItemIndex(edge);
      const index = items[next]?.index;
      if (index == null) return;
      if (by < 0 && next < items.length - 1) store.follow(false);
      wanted.current = index;
      setActive(index);
      handle.scrollToIndex(next, { align: "nearest" });
    },
    [store, scroller, list],
  );

  const onKey = useCallback(
    (event: KeyboardEvent) => {
      const [target] = event.composedPath();
      const row = rowOf(target);
      if (target !== scroller.current && target !== row) return; // a button in a message has keys of its own
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === " " && row?.dataset.sid) {
        event.preventDefault();
        store.toggle(row.dataset.sid);
      }
    },
    [store, scroller, move],
  );

  return {
    /** Rows that stay in the page. */
    kept: at < 0 ? NONE : [at],
    onKey,

    /** A press on the time of a message selects it. */
    onClick: (event: MouseEvent) => {
      const [target] = event.composedPath();
      const sid = rowOf(target)?.dataset.sid;
      if (sid && target instanceof Element && target.closest(".cw-time")) store.toggle(sid);
    },

    onFocusIn: (event: FocusEvent) => {
      const index = rowOf(event.composedPath()[0])?.dataset.index;
      setActive(index === undefined ? null : Number(index));
    },

    onFocusOut: () => {
      setTimeout(() => {
        const element = scroller.current;
        const { activeElement } = (element?.getRootNode() ?? document) as Document | ShadowRoot;
        if (document.hasFocus() && !element?.contains(activeElement)) setActive(null);
      });
    },
  };
}

const NONE: readonly number[] = [];
