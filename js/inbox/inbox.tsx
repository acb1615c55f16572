import { useLayoutEffect, useReducer } from "preact/hooks";
import { Channel } from "../shared/channel";
import { Grid, type GridColumn, Tools } from "../shared/grid";
import { connectionWords, pulseWords, Shell, StatusLine } from "../shared/shell";
import type { TableStore } from "../shared/table";
import { fullTime, isDate, whenName } from "../shared/time";
import type { Conversation } from "./row";

const COLUMNS: readonly GridColumn<Conversation>[] = [
  { name: "title", width: "minmax(0, 1fr)", least: 0, cell: (row) => <Line row={row} /> },
];

function Line({ row }: { row: Conversation }) {
  const { title, state, channel, unread, lastText, lastAuthor, lastOwn, lastDate } = row;
  return (
    <div class={unread ? "cw-talk cw-talk-new" : "cw-talk"}>
      <bdi class="cw-talk-title" title={title}>
        {title}
      </bdi>
      <span class="cw-talk-when">
        {isDate(lastDate) && <time title={fullTime(lastDate)}>{whenName(lastDate)}</time>}
      </span>
      <span class="cw-talk-last">
        {state !== "active" && <span class="cw-badge">{state}</span>}
        <Channel channel={channel} />
        <span class="cw-talk-text" dir="auto">
          {lastText === null ? "" : `${lastOwn ? "You" : (lastAuthor ?? "")}: ${lastText}`}
        </span>
      </span>
      {unread ? (
        <span class="cw-unread">
          {unread > 999 ? "999+" : unread}
          <span class="cw-hidden"> unread</span>
        </span>
      ) : null}
    </div>
  );
}

export function Inbox({ store }: { store: TableStore<Conversation> }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
  const words = pulseWords(store.comm.pulse) ?? connectionWords(store.connection, store.opened);
  return (
    <Shell name="inbox" label="Conversations" theme={store.theme} height={store.height} comm={store.comm}>
      <StatusLine words={words} severe={store.connection === "denied"} />
      <Tools store={store} what="conversations" />
      <Grid
        store={store}
        label="Conversations"
        columns={COLUMNS}
        rowHeight={53}
        many={false}
        heads={false}
        empty={store.total > 0 ? "No conversation fits the search." : "There are no conversations."}
      />
    </Shell>
  );
}
