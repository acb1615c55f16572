import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { flushSync } from "../react";
import { copyText } from "../shared/clipboard";
import { useKeys } from "../shared/keys";
import type { Message } from "../shared/model";
import { isDate, iso } from "../shared/time";
import { whyNot } from "./composing";
import type { ThreadStore } from "./store";

interface Item {
  name: string;
  act(): void;
}

/** Where a menu is: pixels from the edges of the log. */
interface Place {
  top?: number;
  bottom?: number;
  end: number;
  most: number;
}

interface Open {
  message: Message;
  /** What had the focus, or was pressed. */
  from: HTMLElement;
  place: Place;
}

const ITEM = 28;

/** A message as other programs can read it. */
const jsonOf = (message: Message): string => {
  const { sid, index, author, name, channel, body, subject, dateCreated, media } = message;
  const files = media.map(({ sid, filename, contentType, size }) => ({
    sid,
    filename,
    content_type: contentType,
    size,
  }));
  const date_created = isDate(dateCreated) ? iso(dateCreated) : null;
  return JSON.stringify({ sid, index, author, name, channel, body, subject, date_created, media: files }, null, 2);
};

/**
 * The actions on a message. A row has a button for them, which is seen when the row is pointed at or has the focus; Enter,
 * Shift+F10 and the menu key open them for the row that has the focus.
 */
export function useMenu(store: ThreadStore, scroller: RefObject<HTMLElement | null>) {
  const [open, setOpen] = useState<Open | null>(null);
  const [note, setNote] = useState("");

  const show = (row: HTMLElement, from: HTMLElement) => {
    const message = store.state.messages.find((each) => each.sid === row.dataset.sid);
    const button = row.querySelector(".cw-more");
    if (!message || !button) return;
    flushSync(() => setOpen({ message, from, place: placeOf(button, scroller.current) }));
  };
  const close = (back: boolean) => {
    flushSync(() => setOpen(null));
    const to = open?.from.isConnected ? open.from : scroller.current;
    if (back) to?.focus({ preventScroll: true });
  };
  const copy = async (text: string) => {
    const near = scroller.current;
    const isCopied = near !== null && (await copyText(text, near));
    setNote(isCopied ? "Copied" : "This page may not copy");
  };

  useKeys(scroller, (event, target) => {
    const row = target.closest<HTMLElement>("[data-index]");
    if (!row || (target !== row && !target.matches(".cw-more"))) return null;
    const isPlain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    const opens =
      (event.key === "Enter" && isPlain) || event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (!opens) return null;
    show(row, target as HTMLElement);
    return "done";
  });
  useEffect(() => {
    if (note === "") return;
    const timer = setTimeout(() => setNote(""), 2000);
    return () => clearTimeout(timer);
  }, [note]);

  const itemsOf = (message: Message): Item[] => {
    const { traits, changes } = store;
    const { writing, connection, header, readOnly, moderator } = traits;
    const { sid, body, own, content } = message;
    const canChange = (own || moderator) && whyNot(writing, connection, header.state, readOnly) === null;
    return [
      ...(canChange && content === null ? [{ name: "Edit", act: () => changes.edit(message) }] : []),
      ...(body ? [{ name: "Copy text", act: () => void copy(body) }] : []),
      { name: "Copy as JSON", act: () => void copy(jsonOf(message)) },
      { name: "Copy sid", act: () => void copy(sid) },
      ...(canChange ? [{ name: "Delete…", act: () => changes.confirm(message) }] : []),
    ];
  };

  return {
    onClick: (event: MouseEvent) => {
      const [target] = event.composedPath();
      const button = target instanceof Element ? target.closest<HTMLElement>(".cw-more") : null;
      const row = button?.closest<HTMLElement>("[data-index]");
      if (button && row) show(row, button);
    },
    /** The menu goes with its row, and closes where that is out of sight. */
    onScroll: () => {
      if (!open) return;
      const button = scroller.current?.querySelector(`[data-index="${open.message.index}"] .cw-more`);
      const log = scroller.current?.getBoundingClientRect();
      const at = button?.getBoundingClientRect();
      if (button && log && at && at.bottom > log.top && at.top < log.bottom) {
        setOpen({ ...open, place: placeOf(button, scroller.current) });
      } else {
        close(true);
      }
    },
    element: (
      <>
        {open && <Menu items={itemsOf(open.message)} place={open.place} onClose={close} />}
        <span class={note ? "cw-note" : "cw-hidden"} role="status">
          {note}
        </span>
      </>
    ),
  };
}

/** Below a button, or above it where there is more room. */
function placeOf(button: Element, scroller: HTMLElement | null): Place {
  const at = button.getBoundingClientRect();
  const log = (scroller ?? button).getBoundingClientRect();
  const isRightToLeft = getComputedStyle(button).direction === "rtl";
  const end = isRightToLeft ? at.left - log.left : log.right - at.right;
  const below = log.bottom - at.bottom - 8;
  const above = at.top - log.top - 8;
  if (below >= 6 * ITEM || below >= above) return { top: at.bottom - log.top + 2, end, most: below };
  return { bottom: log.bottom - at.top + 2, end, most: above };
}

interface MenuProps {
  items: readonly Item[];
  place: Place;
  /** `back`: the focus goes back to where it came from. */
  onClose(back: boolean): void;
}

function Menu({ items, place, onClose }: MenuProps) {
  const list = useRef<HTMLDivElement>(null);
  const focus = (at: number) => {
    const buttons = list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [];
    buttons[(at + buttons.length) % buttons.length]?.focus({ preventScroll: true });
  };
  const act = (at: number) => {
    onClose(true);
    items[at]?.act();
  };
  useLayoutEffect(() => focus(0), []);
  useKeys(list, (event, target) => {
    const at = [...(target.parentElement?.children ?? [])].indexOf(target);
    const next: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const to = next[event.key];
    const named = items.findIndex((each, place) => place > at && each.name[0]?.toLowerCase() === event.key);
    if (to !== undefined) focus(to);
    else if (event.key === "Enter" || event.key === " ") act(at);
    else if (event.key === "Escape" || event.key === "Tab") onClose(true);
    else if (named >= 0) focus(named);
    return "done";
  });
  useEffect(() => {
    const view = list.current?.ownerDocument;
    const onPress = (event: PointerEvent) => {
      if (list.current && !event.composedPath().includes(list.current)) onClose(false);
    };
    view?.addEventListener("pointerdown", onPress, true);
    return () => view?.removeEventListener("pointerdown", onPress, true);
  });
  const { top, bottom, end, most } = place;
  const pixels = (value: number | undefined) => (value === undefined ? undefined : `${value}px`);
  return (
    <div
      ref={list}
      class="cw-menu"
      role="menu"
      aria-label="Actions"
      style={{ top: pixels(top), bottom: pixels(bottom), insetInlineEnd: `${end}px`, maxHeight: `${most}px` }}
    >
      {items.map(({ name }, at) => (
        <button key={name} type="button" role="menuitem" tabIndex={-1} class="cw-menu-item" onClick={() => act(at)}>
          {name}
        </button>
      ))}
    </div>
  );
}
