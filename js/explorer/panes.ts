export type Pane = "inbox" | "thread" | "participants";
export const PANES: readonly Pane[] = ["inbox", "thread", "participants"];

/** What a reader works with in each pane, and so what takes the focus there; the first one that is seen. */
const ENTRIES: Record<Pane, readonly string[]> = {
  inbox: ["[role='grid']"],
  thread: ["textarea", "[role='log']"],
  participants: ["[role='grid']"],
};

const isSeen = (element: HTMLElement): boolean => element.offsetHeight > 0;

/** The element of a pane that takes the focus, or null where the pane is not on the page. */
export function entryOf(root: Element, pane: Pane): HTMLElement | null {
  for (const selector of ENTRIES[pane]) {
    const found = root.querySelector<HTMLElement>(`.cw-pane-${pane} ${selector}`);
    if (found && isSeen(found)) return found;
  }
  return null;
}

/** The pane that an element is in. */
export const paneOf = (element: Element | null): Pane | null =>
  PANES.find((pane) => element?.closest(`.cw-pane-${pane}`)) ?? null;

/** The entry of the next pane that is on the page (F6), or of the one before (Shift+F6). */
export function nextEntry(root: Element, from: Pane | null, backwards: boolean): HTMLElement | null {
  const step = backwards ? -1 : 1;
  const start = from === null ? (backwards ? 0 : -1) : PANES.indexOf(from);
  for (let count = 1; count <= PANES.length; count++) {
    const at = (start + step * count + PANES.length * 2) % PANES.length;
    const entry = entryOf(root, PANES[at] as Pane);
    if (entry) return entry;
  }
  return null;
}
