import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

const MOVING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "Delete", "Backspace"]);

/** Whether a notebook would take this key for one of its cells: letters ("dd" deletes one) and what moves, unmodified. */
export const isTakenByHost = (event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">): boolean =>
  !event.ctrlKey && !event.metaKey && !event.altKey && (event.key.length === 1 || MOVING.has(event.key));

/**
 * Keeps the plain keys that are pressed inside a widget from the host, and leaves it those with Ctrl, Alt or Meta, and
 * Enter, Escape and Tab. JupyterLab listens on the document before any element does, so only the window is early enough.
 * Fields for text need no help: hosts leave them alone. `onKey` gets the event, which reaches no element after this.
 */
export function useOwnKeys(root: RefObject<HTMLElement | null>, onKey?: (event: KeyboardEvent) => void): void {
  useEffect(() => {
    const element = root.current;
    const view = element?.ownerDocument.defaultView;
    if (!element || !view) return;
    const onKeyDown = (event: KeyboardEvent) => {
      const [target] = event.composedPath(); // event.target is the host of the shadow root, where there is one
      if (!(target instanceof view.Element) || !element.contains(target)) return;
      if (target.matches("textarea, input") || !isTakenByHost(event)) return;
      event.stopPropagation();
      onKey?.(event);
    };
    view.addEventListener("keydown", onKeyDown, true);
    return () => view.removeEventListener("keydown", onKeyDown, true);
  }, [root, onKey]);
}

/**
 * Gives the keys that are pressed inside an element to `onKey` before the host gets any: "done" takes the key from
 * everybody, "ours" leaves it to the browser alone, null leaves it to all. It begins at once: who types fast presses the
 * next key before the next frame.
 */
export function useKeys(
  root: RefObject<HTMLElement | null>,
  onKey: (event: KeyboardEvent, target: Element) => "done" | "ours" | null,
): void {
  const taken = useRef(onKey);
  taken.current = onKey;
  useLayoutEffect(() => {
    const element = root.current;
    const view = element?.ownerDocument.defaultView;
    if (!element || !view) return;
    const onKeyDown = (event: KeyboardEvent) => {
      const [target] = event.composedPath();
      if (!(target instanceof view.Element) || !element.contains(target)) return;
      const verdict = taken.current(event, target);
      if (verdict !== null) event.stopPropagation();
      if (verdict === "done") event.preventDefault();
    };
    view.addEventListener("keydown", onKeyDown, true);
    return () => view.removeEventListener("keydown", onKeyDown, true);
  }, [root]);
}
