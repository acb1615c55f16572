import type { ComponentChildren } from "preact";
import type { Keyed, TableStore } from "./table";
import { Facet } from "./tools";

/** Pixels of a row of heads. */
export const HEAD_HEIGHT = 32;

export interface GridColumn<Row> {
  name: string;
  /** Of CSS, as in grid-template-columns. */
  width: string;
  /** Pixels that it needs; columns at the end of the list are left out where there is no room for all. */
  least: number;
  /** Whether it is aligned as numbers are. */
  isNumber?: boolean;
  cell: (row: Row) => ComponentChildren;
}

interface HeadsProps<Row extends Keyed> {
  store: TableStore<Row>;
  columns: readonly GridColumn<Row>[];
  template: { gridTemplateColumns: string };
  /** Whether each column has a filter under its name. */
  filters: boolean;
}

/** Names of the columns; a press sorts by one, another press the other way round. */
export function Heads<Row extends Keyed>({ store, columns, template, filters }: HeadsProps<Row>) {
  const { sort, descending } = store.viewState;
  const style = { ...template, height: `${HEAD_HEIGHT}px` };
  const aligned = (column: GridColumn<Row>) => (column.isNumber ? "cw-column cw-grid-end" : "cw-column");
  return (
    <div class="cw-grid-heads" role="rowgroup">
      <div class="cw-grid-head" role="row" aria-rowindex={1} style={style}>
        {columns.map((column) => {
          const { name } = column;
          const isSorted = sort === name;
          const known = store.columns.find((each) => each.name === name);
          const isBigFirst = known !== undefined && known.kind !== "text";
          return (
            <div
              key={name}
              role="columnheader"
              class={aligned(column)}
              aria-sort={isSorted ? (descending ? "descending" : "ascending") : "none"}
            >
              <button
                type="button"
                class={isSorted ? "cw-sort cw-sorted" : "cw-sort"}
                onClick={() => store.want({ sort: name, descending: isSorted ? !descending : isBigFirst })}
              >
                {known?.label ?? name}
                <span aria-hidden="true">{isSorted ? (descending ? " ↓" : " ↑") : ""}</span>
              </button>
            </div>
          );
        })}
      </div>
      {filters && (
        <div class="cw-grid-head" role="row" aria-rowindex={2} style={style}>
          {columns.map((column) => (
            <div key={column.name} role="gridcell" class={aligned(column)}>
              <ColumnFilter store={store} name={column.name} />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

/** What a number, a time or a text can be filtered by; the kernel reads it (`Column.test`). */
const HINTS = { text: "contains", number: "> 0", time: "2026-11", flag: "" };

function ColumnFilter<Row extends Keyed>({ store, name }: { store: TableStore<Row>; name: string }) {
  const column = store.columns.find((each) => each.name === name);
  if (!column) return null;
  if (column.facet || column.kind === "flag") return <Facet store={store} column={column} any="any" />;
  return (
    <input
      type="text"
      class="cw-grid-filter"
      aria-label={`Filter ${column.label}`}
      placeholder={HINTS[column.kind]}
      value={(store.viewState.filters[name] ?? []).join(", ")}
      onInput={(event) => store.filter(name, event.currentTarget.value ? [event.currentTarget.value] : [])}
    />
  );
}
