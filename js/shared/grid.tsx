import type { ComponentChildren, RefObject } from "preact";
import { useCallback, useEffect, useId, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useOwnKeys } from "./keys";
import type { Keyed, TableStore } from "./table";

/** Rows beyond the edges of what is seen that are asked for too. */
const BEYOND = 30;
/** Rows that a reader moves before the kernel is told. */
const MOVED = 6;

export interface GridColumn<Row> {
  name: string;
  /** Of CSS, as in grid-template-columns. */
  width: string;
  /** Pixels that it needs; columns at the end of the list are left out where there is no room for all. */
  least: number;
  cell: (row: Row) => ComponentChildren;
}

interface GridProps<Row extends Keyed> {
  store: TableStore<Row>;
  label: string;
  columns: readonly GridColumn<Row>[];
  /** Pixels of a row. */
  rowHeight: number;
  /** What Enter or a double click does. */
  onOpen?: (row: Row) => void;
  /** Whether several rows can be selected. */
  many: boolean;
  /** Whether the columns have heads that sort. */
  heads: boolean;
  /** What is said where there is no row. */
  empty: string;
}

/** A store's changes, one after the other on the page; the place of a reader moves with the rows above it. */
function useStore<Row extends Keyed>(store: TableStore<Row>, scroller: RefObject<HTMLElement | null>, height: number) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const shift = useRef(0);
  useLayoutEffect(
    () =>
      store.subscribe((rows) => {
        shift.current += rows;
        render(undefined);
      }),
    [store],
  );
  useLayoutEffect(() => {
    if (shift.current !== 0 && scroller.current) scroller.current.scrollTop += shift.current * height;
    shift.current = 0;
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

/** The columns for which there is room; the first one always. */
function fitting<Row>(columns: readonly GridColumn<Row>[], width: number): readonly GridColumn<Row>[] {
  let room = width;
  return columns.filter((column, at) => {
    room -= column.least;
    return at === 0 || room >= 0;
  });
}

/**
 * Rows of a table: only those in sight are on the page, whatever their number. Keys work as in any list.
 * A `<table>` could not place its rows, so the roles say what it is; the grid has the focus, and names its active row.
 */
export function Grid<Row extends Keyed>(props: GridProps<Row>) {
  const { store, label, rowHeight, many, heads, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<string | null>(null);
  const size = useSize(scroller);
  useStore(store, scroller, rowHeight);

  const columns = fitting(props.columns, size.width);
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight), store.shown - 1));
  const count = Math.ceil(size.height / rowHeight) + 1;
  const anchor = top > rowHeight / 2 ? (store.at(first)?.sid ?? null) : null;

  const told = useRef({ first: -MOVED, count: 0, anchor: null as string | null });
  useEffect(() => {
    const last = told.current;
    const isMoved = Math.abs(first - last.first) >= MOVED || (anchor === null) !== (last.anchor === null);
    if (!isMoved && count <= last.count) return;
    told.current = { first, count, anchor };
    store.look(Math.max(0, first - BEYOND), count + 2 * BEYOND, anchor);
  }, [store, first, count, anchor]);

  const select = useCallback(
    (key: string, adding: boolean) => {
      const selected = new Set(adding && many ? store.selected : []);
      if (store.selected.has(key) && adding) selected.delete(key);
      else selected.add(key);
      store.select(selected);
    },
    [store, many],
  );

  const place = active === null ? -1 : store.keys.indexOf(active) + store.start;
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      const element = scroller.current;
      if (!element || event.composedPath()[0] !== element) return;
      const page = Math.max(1, Math.floor(element.clientHeight / rowHeight) - 1);
      const steps: Record<string, number> = {
        ArrowDown: 1,
        ArrowUp: -1,
        PageDown: page,
        PageUp: -page,
        Home: -store.shown,
        End: store.shown,
      };
      const step = steps[event.key];
      if (step !== undefined) {
        event.preventDefault();
        const to = Math.max(0, Math.min(place + step, store.shown - 1));
        const head = heads ? rowHeight : 0;
        const over = to * rowHeight - element.scrollTop;
        if (over < 0) element.scrollTop = to * rowHeight;
        else if (over > element.clientHeight - rowHeight - head)
          element.scrollTop = (to + 1) * rowHeight + head - element.clientHeight;
        const row = store.at(to);
        if (row) {
          setActive(row.sid);
          if (!many) select(row.sid, false);
        }
      } else if (event.key === " " && active !== null) {
        event.preventDefault();
        select(active, true);
      }
    },
    [store, rowHeight, place, active, many, heads, select],
  );
  useOwnKeys(scroller, onKey);

  const visible = Array.from(
    { length: Math.max(0, Math.min(count + 8, store.shown - Math.max(0, first - 4))) },
    (_, at) => Math.max(0, first - 4) + at,
  );
  const template = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };
  return (
    <div
      ref={scroller}
      class="cw-grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={store.shown + (heads ? 1 : 0)}
      aria-multiselectable={many}
      aria-activedescendant={place >= 0 && active !== null ? `${id}-${active}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={(event) => {
        const row = place >= 0 ? store.at(place) : null;
        if (event.key === "Enter" && event.target === scroller.current && row) {
          event.preventDefault();
          if (onOpen) onOpen(row);
          else select(row.sid, false);
        }
      }}
    >
      {heads && <Heads store={store} columns={columns} template={template} height={rowHeight} />}
      <div class="cw-rows" role="rowgroup" style={{ height: `${store.shown * rowHeight}px` }}>
        {visible.map((at) => {
          const row = store.at(at);
          const isSelected = row !== null && store.selected.has(row.sid);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys of its rows
            <div
              key={row?.sid ?? `place ${at}`}
              id={row ? `${id}-${row.sid}` : undefined}
              class={`cw-row-line${isSelected ? " cw-selected" : ""}${row && row.sid === active ? " cw-active" : ""}`}
              role="row"
              aria-rowindex={at + (heads ? 2 : 1)}
              aria-selected={isSelected}
              style={{ ...template, top: `${at * rowHeight}px`, height: `${rowHeight}px` }}
              onClick={(event) => {
                if (!row) return;
                setActive(row.sid);
                select(row.sid, event.ctrlKey || event.metaKey);
              }}
              onDblClick={() => row && onOpen?.(row)}
            >
              {columns.map((column) => (
                <div key={column.name} role="gridcell" class={`cw-cell cw-cell-${column.name}`}>
                  {row ? column.cell(row) : <span class="cw-later-cell" />}
                </div>
              ))}
            </div>
          );
        })}
      </div>
      {store.shown === 0 && (
        <p class="cw-empty" role="status">
          {props.empty}
        </p>
      )}
    </div>
  );
}

interface HeadsProps<Row extends Keyed> {
  store: TableStore<Row>;
  columns: readonly GridColumn<Row>[];
  template: { gridTemplateColumns: string };
  height: number;
}

/** Names of the columns; a press sorts by one, another press the other way round. */
function Heads<Row extends Keyed>({ store, columns, template, height }: HeadsProps<Row>) {
  const { sort, descending } = store.viewState;
  return (
    <div class="cw-heads" role="row" aria-rowindex={1} style={{ ...template, height: `${height}px` }}>
      {columns.map(({ name }) => {
        const isSorted = sort === name;
        const label = store.columns.find((column) => column.name === name)?.label ?? name;
        return (
          <div
            key={name}
            role="columnheader"
            class="cw-column"
            aria-sort={isSorted ? (descending ? "descending" : "ascending") : "none"}
          >
            <button
              type="button"
              class="cw-sort"
              onClick={() => store.want({ sort: name, descending: isSorted && !descending })}
            >
              {label}
              <span aria-hidden="true">{isSorted ? (descending ? " ↓" : " ↑") : ""}</span>
            </button>
          </div>
        );
      })}
    </div>
  );
}

/** The search, a filter for each facet, and how many rows are left. */
export function Tools<Row extends Keyed>({
  store,
  what,
  children,
}: {
  store: TableStore<Row>;
  /** What a row is, in the plural. */
  what: string;
  children?: ComponentChildren;
}) {
  const { viewState, shown, total } = store;
  const isFiltered = viewState.search !== "" || Object.keys(viewState.filters).length > 0;
  const number = (count: number) => count.toLocaleString();
  return (
    <div class="cw-tools" role="search">
      <input
        type="search"
        class="cw-search"
        value={viewState.search}
        placeholder={`Search ${what}`}
        aria-label={`Search ${what}`}
        onInput={(event) => store.want({ search: event.currentTarget.value })}
      />
      {store.columns
        .filter((column) => column.facet || column.kind === "flag")
        .map((column) => (
          <Facet
            key={column.name}
            store={store}
            name={column.name}
            label={column.label}
            isFlag={column.kind === "flag"}
          />
        ))}
      {children}
      <span class="cw-count" role="status">
        {isFiltered ? `${number(shown)} of ${number(total)}` : number(total)}
      </span>
      {isFiltered && (
        <button type="button" class="cw-button" onClick={() => store.want({ search: "", filters: {} })}>
          Clear
        </button>
      )}
    </div>
  );
}

interface FacetProps<Row extends Keyed> {
  store: TableStore<Row>;
  name: string;
  label: string;
  isFlag: boolean;
}

function Facet<Row extends Keyed>({ store, name, label, isFlag }: FacetProps<Row>) {
  const { filters } = store.viewState;
  const counts = store.facets.get(name) ?? new Map<string, number>();
  if (!isFlag && counts.size < 2 && !filters[name]) return null;
  const values = isFlag ? ["yes", "no"] : [...counts.keys()];
  const chosen = filters[name]?.[0] ?? "";
  return (
    <select
      class={chosen ? "cw-facet cw-chosen" : "cw-facet"}
      aria-label={label}
      value={chosen}
      onChange={(event) => {
        const { [name]: _, ...others } = filters;
        const { value } = event.currentTarget;
        store.want({ filters: value ? { ...others, [name]: [value] } : others });
      }}
    >
      <option value="">{label}</option>
      {values.map((value) => (
        <option key={value} value={value}>
          {isFlag ? `${label}: ${value}` : `${value} (${(counts.get(value) ?? 0).toLocaleString()})`}
        </option>
      ))}
    </select>
  );
}
