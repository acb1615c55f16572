import { useLayoutEffect, useReducer, useState } from "preact/hooks";
import { Avatar } from "../shared/avatar";
import { Channel } from "../shared/channel";
import { Grid } from "../shared/grid";
import type { GridColumn } from "../shared/heads";
import { Funnel, PersonPlus } from "../shared/icons";
import { connectionWords, pulseWords, Shell, StatusLine } from "../shared/shell";
import type { TableStore } from "../shared/table";
import { fullTime, isDate, whenName } from "../shared/time";
import { Tools } from "../shared/tools";
import { Adding, Chosen } from "./changes";
import type { Participant } from "./row";

const Nothing = () => <span class="cw-nothing">–</span>;
const count = (value: number | null, more = "") => (value === null ? <Nothing /> : `${value.toLocaleString()}${more}`);
const presenceOf = (online: boolean | null) => (online === null ? "" : online ? "online" : "offline");

const COLUMNS: readonly GridColumn<Participant>[] = [
  {
    name: "name",
    width: "minmax(160px, 2fr)",
    least: 160,
    cell: (row) => (
      <span class="cw-person">
        <span class="cw-face">
          <Avatar author={row.author} name={row.name} />
          {row.online !== null && <span class={row.online ? "cw-presence cw-online" : "cw-presence"} />}
        </span>
        <bdi title={row.address ?? row.name}>{row.name}</bdi>
        {row.own && <span class="cw-badge">you</span>}
        {row.typing && <span class="cw-writes">typing…</span>}
        {row.online !== null && <span class="cw-hidden">{presenceOf(row.online)}</span>}
      </span>
    ),
  },
  {
    name: "channel",
    width: "minmax(96px, 0.7fr)",
    least: 96,
    cell: (row) =>
      row.channel === "chat" ? <span class="cw-grid-quiet">chat</span> : <Channel channel={row.channel} />,
  },
  {
    name: "behind",
    width: "74px",
    least: 74,
    isNumber: true,
    cell: (row) => (row.behind ? <b class="cw-behind">{count(row.behind)}</b> : count(row.behind)),
  },
  {
    name: "sent",
    width: "74px",
    least: 74,
    isNumber: true,
    cell: (row) =>
      row.sent !== null && row.sentMore ? (
        <span title="at least: older messages were not counted">{count(row.sent, "+")}</span>
      ) : (
        count(row.sent)
      ),
  },
  {
    name: "online",
    width: "minmax(84px, 0.6fr)",
    least: 84,
    cell: (row) => (row.online === null ? <Nothing /> : <span class="cw-grid-quiet">{presenceOf(row.online)}</span>),
  },
  {
    name: "role",
    width: "minmax(92px, 0.7fr)",
    least: 92,
    cell: (row) => (row.role === null ? <Nothing /> : <span title={row.roleSid ?? row.role}>{row.role}</span>),
  },
  { name: "read", width: "90px", least: 90, isNumber: true, cell: (row) => count(row.read) },
  {
    name: "joined",
    width: "minmax(84px, 0.6fr)",
    least: 84,
    cell: (row) => isDate(row.joined) && <time title={fullTime(row.joined)}>{whenName(row.joined)}</time>,
  },
  { name: "address", width: "minmax(130px, 1.2fr)", least: 130, cell: (row) => <bdi>{row.address}</bdi> },
];

export function Participants({ store }: { store: TableStore<Participant> }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const [hasFilters, setFilters] = useState(false);
  const [isAdding, setAdding] = useState(false);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
  const lost = pulseWords(store.comm.pulse) ?? connectionWords(store.connection, store.opened);
  return (
    <Shell name="participants" label="Participants" theme={store.theme} height={store.height} comm={store.comm}>
      <StatusLine words={lost ?? (store.problem || null)} severe={store.connection === "denied"} />
      <Tools store={store} what="participants" facets={[]}>
        <button
          type="button"
          class="cw-button cw-tool"
          aria-pressed={hasFilters}
          title="A filter for each column"
          onClick={() => setFilters(!hasFilters)}
        >
          <Funnel />
          <span class="cw-tool-name">Filters</span>
        </button>
        {!store.readOnly && (
          <button
            type="button"
            class="cw-button cw-tool"
            aria-expanded={isAdding}
            title="Add somebody"
            onClick={() => setAdding(!isAdding)}
          >
            <PersonPlus />
            <span class="cw-tool-name">Add</span>
          </button>
        )}
      </Tools>
      {isAdding && !store.readOnly && <Adding store={store} onClose={() => setAdding(false)} />}
      <Grid
        store={store}
        label="Participants"
        columns={COLUMNS}
        rowHeight={36}
        many
        heads={hasFilters ? 2 : 1}
        empty="Nobody is in this conversation."
        unfit="Nobody fits the search."
      />
      {store.selected.size > 0 && <Chosen key={[...store.selected].join()} store={store} />}
    </Shell>
  );
}
