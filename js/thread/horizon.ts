import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { ThreadStore } from "./store";

/** Milliseconds between two looks at what is on the screen: what both see was read. */
const LOOK = 1000;

/** Tells the store which messages were on the screen for a moment, on a page that is shown. */
export function useHorizon(store: ThreadStore, scroller: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (typeof IntersectionObserver === "undefined") return;
    let before: ReadonlySet<number> = new Set();
    let isLooking = false;
    const look = async () => {
      const element = scroller.current;
      if (isLooking || !element) return;
      if (!store.hasUnread || element.ownerDocument.visibilityState !== "visible") {
        before = new Set();
        return;
      }
      isLooking = true;
      const now = rowsIn(element, await visiblePart(element));
      isLooking = false;
      store.saw(Math.max(-1, ...[...now].filter((index) => before.has(index))));
      before = now;
    };
    const timer = setInterval(() => void look(), LOOK);
    return () => clearInterval(timer);
  }, [store, scroller]);
}

/** The part of an element that nothing cuts off, in the page's pixels; null where all of it is out of sight. */
const visiblePart = (element: HTMLElement): Promise<DOMRectReadOnly | null> =>
  new Promise((resolve) => {
    const observer = new IntersectionObserver((entries) => {
      observer.disconnect();
      const entry = entries[entries.length - 1];
      resolve(entry?.isIntersecting ? entry.intersectionRect : null);
    });
    observer.observe(element);
  });

/** Indexes of the messages whose end is in sight, and of one that fills all of it. */
function rowsIn(element: HTMLElement, area: DOMRectReadOnly | null): Set<number> {
  const seen = new Set<number>();
  if (!area || area.height === 0) return seen;
  for (const row of element.querySelectorAll<HTMLElement>("[data-index]")) {
    const { top, bottom } = row.getBoundingClientRect();
    const endsHere = bottom > area.top && bottom <= area.bottom + 1;
    if (endsHere || (top <= area.top && bottom >= area.bottom)) seen.add(Number(row.dataset.index));
  }
  return seen;
}
