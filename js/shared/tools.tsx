import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useOwnKeys } from "./keys";
import type { Column, Keyed, TableStore } from "./table";

interface ToolsProps<Row extends Keyed> {
  store: TableStore<Row>;
  /** What a row is, in the plural. */
  what: string;
  /** Names of the columns that have a choice here. */
  facets: readonly string[];
  children?: ComponentChildren;
}

/** The search, a choice for some columns, and how many rows are left. */
export function Tools<Row extends Keyed>({ store, what, facets, children }: ToolsProps<Row>) {
  const root = useRef<HTMLDivElement>(null);
  useOwnKeys(root);
  const { viewState, shown, total } = store;
  const isFiltered = viewState.search !== "" || Object.keys(viewState.filters).length > 0;
  const number = (count: number) => count.toLocaleString();
  return (
    <div ref={root} class="cw-tools" role="search">
      <input
        type="search"
        class="cw-grid-search"
        value={viewState.search}
        placeholder={`Search ${what}`}
        aria-label={`Search ${what}`}
        onInput={(event) => store.want({ search: event.currentTarget.value })}
      />
      {store.columns
        .filter((column) => facets.includes(column.name))
        .map((column) => (
          <Facet key={column.name} store={store} column={column} any={column.label} />
        ))}
      {children}
      <span class="cw-grid-count" role="status">
        {isFiltered ? `${number(shown)} of ${number(total)}` : number(total)}
        <span class="cw-hidden"> {what}</span>
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
  column: Column;
  /** The choice of everything. */
  any: string;
}

/** The value of the choice that only Python can make: of several at once. */
const SEVERAL = "\u0000";

/** A choice among the few values of a column. */
export function Facet<Row extends Keyed>({ store, column, any }: FacetProps<Row>) {
  const { name, label } = column;
  const isFlag = column.kind === "flag";
  const chosen = store.viewState.filters[name] ?? [];
  const counts = store.facets.get(name) ?? new Map<string, number>();
  const values = isFlag ? ["yes", "no"] : [...counts.keys()];
  for (const value of chosen) if (!values.includes(value)) values.push(value);
  if (any === label && !isFlag && values.length < 2 && chosen.length === 0) return null; // no choice at all
  return (
    <select
      class={chosen.length > 0 ? "cw-facet cw-chosen" : "cw-facet"}
      aria-label={label}
      value={chosen.length > 1 ? SEVERAL : (chosen[0] ?? "")}
      onChange={({ currentTarget: { value } }) => value !== SEVERAL && store.filter(name, value ? [value] : [])}
    >
      <option value="">{any}</option>
      {chosen.length > 1 && <option value={SEVERAL}>{chosen.join(", ")}</option>}
      {values.map((value) => (
        <option key={value} value={value}>
          {isFlag
            ? `${any === label ? `${label}: ` : ""}${value}`
            : `${value} (${(counts.get(value) ?? 0).toLocaleString()})`}
        </option>
      ))}
    </select>
  );
}
