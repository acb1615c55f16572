import { useLayoutEffect, useReducer } from "preact/hooks";
import { Avatar } from "../shared/avatar";
import { Channel } from "../shared/channel";
import { Grid, type GridColumn, Tools } from "../shared/grid";
import { connectionWords, pulseWords, Shell, StatusLine } from "../shared/shell";
import type { TableStore } from "../shared/table";
import { fullTime, isDate, whenName } from "../shared/time";
import type { Participant } from "./row";

const COLUMNS: readonly GridColumn<Participant>[] = [
  {
    name: "name",
    width: "minmax(150px, 2fr)",
    least: 150,
    cell: (row) => (
      <span class="cw-person">
        <Avatar author={row.author} name={row.name} />
        {row.online !== null && (
          <span class={row.online ? "cw-presence cw-online" : "cw-presence"} title={row.online ? "online" : "offline"}>
            <span class="cw-hidden">{row.online ? "online" : "offline"}</span>
          </span>
        )}
        <bdi title={row.address ?? row.name}>{row.name}</bdi>
        {row.typing && <span class="cw-writes">typing…</span>}
      </span>
    ),
  },
  {
    name: "channel",
    width: "minmax(84px, 0.6fr)",
    least: 84,
    cell: (row) => (row.channel === "chat" ? "chat" : <Channel channel={row.channel} />),
  },
  {
    name: "behind",
    width: "minmax(74px, 0.5fr)",
    least: 74,
    cell: (row) => (row.behind ? <span class="cw-unread">{row.behind.toLocaleString()}</span> : <Nothing />),
  },
  {
    name: "read",
    width: "minmax(86px, 0.5fr)",
    least: 86,
    cell: (row) => (row.read === null ? <Nothing /> : <span class="cw-number">{row.read.toLocaleString()}</span>),
  },
  {
    name: "address",
    width: "minmax(130px, 1.2fr)",
    least: 130,
    cell: (row) => <bdi>{row.address}</bdi>,
  },
  {
    name: "joined",
    width: "minmax(110px, 0.8fr)",
    least: 110,
    cell: (row) => isDate(row.joined) && <time title={fullTime(row.joined)}>{whenName(row.joined)}</time>,
  },
];

const Nothing = () => <span class="cw-nothing">–</span>;

export function Participants({ store }: { store: TableStore<Participant> }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
  const words = pulseWords(store.comm.pulse) ?? connectionWords(store.connection, store.opened);
  return (
    <Shell name="participants" label="Participants" theme={store.theme} height={store.height} comm={store.comm}>
      <StatusLine words={words} severe={store.connection === "denied"} />
      <Tools store={store} what="participants" />
      <Grid
        store={store}
        label="Participants"
        columns={COLUMNS}
        rowHeight={40}
        many
        heads
        empty={store.total > 0 ? "Nobody fits the search." : "Nobody is in this conversation."}
      />
    </Shell>
  );
}
