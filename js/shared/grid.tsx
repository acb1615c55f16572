import type { RefObject } from "preact";
import { useCallback, useEffect, useId, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { type GridColumn, HEAD_HEIGHT, Heads } from "./heads";
import { useOwnKeys } from "./keys";
import type { Keyed, TableStore } from "./table";

/** Rows beyond the edges of what is seen that are asked for too. */
const BEYOND = 30;
/** Rows beyond the edges that are on the page, for a scroll that is ahead of its events. */
const DRAWN = 4;
/** Rows that a reader moves before the kernel is told. */
const MOVED = 6;

interface GridProps<Row extends Keyed> {
  store: TableStore<Row>;
  label: string;
  columns: readonly GridColumn<Row>[];
  /** Pixels of a row. */
  rowHeight: number;
  /** Whether several rows can be selected. */
  many: boolean;
  /** Rows of heads: none, the columns' names, or also a filter for each. */
  heads: 0 | 1 | 2;
  /** What is said where there is no row: in all, and with these filters. */
  empty: string;
  unfit: string;
}

/** The row that the keys move: by its key, or, where it is not loaded yet, by its place alone. */
interface Active {
  key: string | null;
  place: number;
  /** Select it as soon as it is loaded. */
  isChosen: boolean;
}

/** A store's changes, one after the other on the page; the place of a reader moves with the rows above it. */
function useStore<Row extends Keyed>(store: TableStore<Row>, scroller: RefObject<HTMLElement | null>, height: number) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const shift = useRef(0);
  const tops = useRef(store.tops);
  useLayoutEffect(
    () =>
      store.subscribe((rows) => {
        shift.current += rows;
        render(undefined);
      }),
    [store],
  );
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && tops.current !== store.tops) element.scrollTop = 0;
    else if (element && shift.current !== 0) element.scrollTop += shift.current * height;
    shift.current = 0;
    tops.current = store.tops;
  });
}

/** The scroller's size, whenever it changes. */
function useSize(scroller: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 640, height: 400 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight || 400 }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);
  return size;
}

/** The columns for which there is room, in their order; the first one always. */
export function fitting<Row>(columns: readonly GridColumn<Row>[], width: number): readonly GridColumn<Row>[] {
  let room = width;
  const last = columns.findIndex((column) => {
    room -= column.least;
    return room < 0;
  });
  return last < 0 ? columns : columns.slice(0, Math.max(1, last));
}

/**
 * Rows of a table: only those in sight are on the page, whatever their number. Keys work as in any list.
 * A `<table>` could not place its rows, so the roles say what it is; the grid has the focus, and names its active row.
 */
export function Grid<Row extends Keyed>(props: GridProps<Row>) {
  const { store, label, rowHeight, many, heads } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const pivot = useRef<string | null>(null);
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<Active>({ key: null, place: -1, isChosen: false });
  const size = useSize(scroller);
  useStore(store, scroller, rowHeight);

  const columns = fitting(props.columns, size.width);
  const head = heads * HEAD_HEIGHT;
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), store.shown - 1));
  const count = Math.ceil(size.height / rowHeight) + 1;
  const anchor = top > rowHeight / 2 ? (store.at(first)?.sid ?? null) : null;

  const told = useRef({ first: -MOVED, count: 0, anchor: null as string | null });
  useEffect(() => {
    const last = told.current;
    const isMoved = Math.abs(first - last.first) >= MOVED || (anchor === null) !== (last.anchor === null);
    if (!isMoved && count <= last.count) return;
    told.current = { first, count, anchor };
    store.look(Math.max(0, first - BEYOND), count + 2 * BEYOND, anchor, first);
  }, [store, first, count, anchor]);

  const known = active.key === null ? -1 : store.keys.indexOf(active.key);
  const place = Math.min(known >= 0 ? known + store.start : active.place, store.shown - 1);
  const activeRow = place < 0 ? null : store.at(place);

  const select = useCallback(
    (key: string, how: { adding?: boolean; between?: boolean } = {}) => {
      if (how.between && many && pivot.current !== null && pivot.current !== key) {
        void store.selectRange(pivot.current, key, how.adding === true);
        return;
      }
      pivot.current = key;
      const selected = new Set(how.adding && many ? store.selected : []);
      if (how.adding && store.selected.has(key)) selected.delete(key);
      else selected.add(key);
      store.select(selected);
    },
    [store, many],
  );

  // A row that the keys have reached may be loaded only now.
  useEffect(() => {
    if (active.key !== null || !activeRow) return;
    setActive({ key: activeRow.sid, place, isChosen: false });
    if (active.isChosen) select(activeRow.sid);
  }, [active, activeRow, place, select]);

  const onKey = useCallback(
    (event: KeyboardEvent) => {
      const element = scroller.current;
      if (!element || event.composedPath()[0] !== element) return;
      const page = Math.max(1, Math.floor((element.clientHeight - head) / rowHeight) - 1);
      const steps: Record<string, number> = {
        ArrowDown: 1,
        ArrowUp: -1,
        PageDown: page,
        PageUp: -page,
        Home: -store.shown,
        End: store.shown,
      };
      const step = steps[event.key];
      if (step !== undefined && store.shown > 0) {
        event.preventDefault();
        const to = Math.max(0, Math.min(place + step, store.shown - 1));
        const over = to * rowHeight - element.scrollTop;
        if (over < 0) element.scrollTop = to * rowHeight;
        else if (over > element.clientHeight - rowHeight - head)
          element.scrollTop = (to + 1) * rowHeight + head - element.clientHeight;
        const row = store.at(to);
        setActive({ key: row?.sid ?? null, place: to, isChosen: !many });
        if (row && !many) select(row.sid);
        else if (row && event.shiftKey) {
          pivot.current ??= activeRow?.sid ?? row.sid;
          select(row.sid, { between: true });
        } else if (row) pivot.current = row.sid;
      } else if (event.key === " " && activeRow) {
        event.preventDefault();
        select(activeRow.sid, { adding: true, between: event.shiftKey });
      }
    },
    [store, rowHeight, place, activeRow, many, head, select],
  );
  useOwnKeys(scroller, onKey);

  const from = Math.max(0, first - DRAWN);
  const drawn = Array.from(
    { length: Math.max(0, Math.min(count + 2 * DRAWN, store.shown - from)) },
    (_, at) => from + at,
  );
  const template = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };
  return (
    <div class="cw-table">
      <div
        ref={scroller}
        class="cw-grid"
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={store.shown + heads}
        aria-multiselectable={many}
        aria-busy={store.loading}
        aria-activedescendant={activeRow ? `${id}-${activeRow.sid}` : undefined}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.target !== scroller.current || !activeRow) return;
          event.preventDefault();
          select(activeRow.sid);
        }}
      >
        {heads > 0 && <Heads store={store} columns={columns} template={template} filters={heads === 2} />}
        <div class="cw-rows" role="rowgroup" style={{ height: `${store.shown * rowHeight}px` }}>
          {drawn.map((at) => {
            const row = store.at(at);
            const isSelected = row !== null && store.selected.has(row.sid);
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys of its rows
              <div
                key={row?.sid ?? `place ${at}`}
                id={row ? `${id}-${row.sid}` : undefined}
                class={`cw-row-line${isSelected ? " cw-row-selected" : ""}${row && row === activeRow ? " cw-active" : ""}`}
                role="row"
                aria-rowindex={at + 1 + heads}
                aria-selected={isSelected}
                style={{ ...template, top: `${at * rowHeight}px`, height: `${rowHeight}px` }}
                onMouseDown={(event) => event.shiftKey && event.preventDefault()} // or it selects text
                onClick={(event) => {
                  if (!row) return;
                  if (event.shiftKey) scroller.current?.focus({ preventScroll: true });
                  setActive({ key: row.sid, place: at, isChosen: false });
                  select(row.sid, { adding: event.ctrlKey || event.metaKey, between: event.shiftKey });
                }}
              >
                {columns.map((column) => (
                  <div key={column.name} role="gridcell" class={column.isNumber ? "cw-cell cw-grid-end" : "cw-cell"}>
                    {row ? column.cell(row) : <span class="cw-later-cell" />}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {store.shown === 0 && (
        <p class="cw-grid-empty" role="status" style={{ top: `${head}px` }}>
          {emptyWords(store, props.empty, props.unfit)}
        </p>
      )}
    </div>
  );
}

function emptyWords<Row extends Keyed>(store: TableStore<Row>, empty: string, unfit: string): string {
  if (store.problem !== "") return ""; // the status line says why
  if (store.total > 0) return unfit;
  return store.loading || !store.opened ? "Loading…" : empty;
}
