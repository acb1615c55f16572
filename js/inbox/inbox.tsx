import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useActing } from "../shared/acting";
import { Channel } from "../shared/channel";
import { Grid } from "../shared/grid";
import type { GridColumn } from "../shared/heads";
import { BellOff, Dots } from "../shared/icons";
import { useOwnKeys } from "../shared/keys";
import { connectionWords, pulseWords, Shell, StatusLine } from "../shared/shell";
import type { TableStore } from "../shared/table";
import { fullTime, isDate, whenName } from "../shared/time";
import { Tools } from "../shared/tools";
import type { Conversation } from "./row";

const COLUMNS: readonly GridColumn<Conversation>[] = [
  { name: "title", width: "minmax(0, 1fr)", least: 0, cell: (row) => <Line row={row} /> },
];

/** Orders that a reader chooses from. */
const ORDERS = {
  newest: { label: "Newest", sort: "last_date", descending: true },
  oldest: { label: "Oldest", sort: "last_date", descending: false },
  unread: { label: "Unread first", sort: "attention", descending: true },
  title: { label: "Title", sort: "title", descending: false },
} as const;

/** Who is writing: "Marta is typing…", or with several names. */
export function typingWords(names: readonly string[]): string {
  const [first, second] = names;
  if (first === undefined) return "";
  if (second === undefined) return `${first} is typing…`;
  return names.length === 2 ? `${first} and ${second} are typing…` : "Several people are typing…";
}

function Line({ row }: { row: Conversation }) {
  const { title, state, channel, muted, unread, lastText, lastAuthor, lastOwn, lastDate, typing } = row;
  return (
    <div class={unread ? "cw-talk cw-talk-new" : "cw-talk"}>
      <span class="cw-talk-head">
        <bdi class="cw-talk-title" title={title}>
          {title}
        </bdi>
        {muted && (
          <span class="cw-talk-muted" title="Muted">
            <BellOff />
            <span class="cw-hidden">muted</span>
          </span>
        )}
      </span>
      <span class="cw-talk-when">
        {isDate(lastDate) && <time title={fullTime(lastDate)}>{whenName(lastDate)}</time>}
      </span>
      <span class="cw-talk-last">
        {state !== "active" && <span class="cw-badge">{state}</span>}
        <Channel channel={channel} />
        {typing.length > 0 ? (
          <bdi class="cw-talk-text cw-talk-typing">{typingWords(typing)}</bdi>
        ) : (
          lastText !== null && (
            <span class="cw-talk-text">
              {(lastOwn || lastAuthor !== null) && (
                <>
                  <bdi>{lastOwn ? "You" : lastAuthor}</bdi>:{" "}
                </>
              )}
              <bdi>{lastText}</bdi>
            </span>
          )
        )}
      </span>
      {unread ? (
        <span class={muted ? "cw-unread cw-unread-muted" : "cw-unread"}>
          {unread > 999 ? "999+" : unread}
          <span class="cw-hidden"> unread</span>
        </span>
      ) : null}
    </div>
  );
}

function UnreadOnly({ store }: { store: TableStore<Conversation> }) {
  const isOn = store.viewState.filters.is_unread?.join() === "yes";
  return (
    <button
      type="button"
      class="cw-button cw-tool"
      aria-pressed={isOn}
      title="Only what is unread"
      onClick={() => store.filter("is_unread", isOn ? [] : ["yes"])}
    >
      Unread
    </button>
  );
}

function Order({ store }: { store: TableStore<Conversation> }) {
  const { sort, descending } = store.viewState;
  const chosen = Object.entries(ORDERS).find(([, order]) => order.sort === sort && order.descending === descending);
  return (
    <select
      class="cw-facet"
      aria-label="Order"
      value={chosen?.[0] ?? ""}
      onChange={({ currentTarget: { value } }) => {
        const order = ORDERS[value as keyof typeof ORDERS];
        if (order) store.want({ sort: order.sort, descending: order.descending });
      }}
    >
      {!chosen && <option value="">Other order</option>}
      {Object.entries(ORDERS).map(([name, { label }]) => (
        <option key={name} value={name}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** What can be done with the selected conversation. */
function Chosen({ store, row }: { store: TableStore<Conversation>; row: Conversation }) {
  const acting = useActing(store.comm);
  const [isLeaving, setLeaving] = useState(false);
  const root = useRef<HTMLFieldSetElement>(null);
  useOwnKeys(root);
  const { sid, muted, unread } = row;
  return (
    <fieldset ref={root} class="cw-change" aria-label="Selected conversation" aria-busy={acting.isBusy}>
      <div class="cw-change-form">
        {isLeaving ? (
          <>
            <span class="cw-chosen-name">Leave this conversation?</span>
            <button
              type="button"
              class="cw-button cw-dangerous"
              disabled={acting.isBusy}
              onClick={() => void acting.act("leave_conversation", { sid })}
            >
              Leave
            </button>
            <button type="button" class="cw-button" onClick={() => setLeaving(false)}>
              Cancel
            </button>
          </>
        ) : (
          <>
            <button
              type="button"
              class="cw-button"
              disabled={acting.isBusy || unread === 0}
              onClick={() => void acting.act("read", { sid })}
            >
              Mark as read
            </button>
            <button
              type="button"
              class="cw-button"
              disabled={acting.isBusy}
              onClick={() => void acting.act("mute", { sid, muted: !muted })}
            >
              {muted ? "Unmute" : "Mute"}
            </button>
            <button type="button" class="cw-button" onClick={() => setLeaving(true)}>
              Leave…
            </button>
          </>
        )}
      </div>
      {acting.failure !== "" && (
        <p class="cw-grid-failure" role="alert">
          {acting.failure}
        </p>
      )}
    </fieldset>
  );
}

export function Inbox({ store }: { store: TableStore<Conversation> }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const [isOpen, setOpen] = useState(false);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
  const lost = pulseWords(store.comm.pulse) ?? connectionWords(store.connection, store.opened);
  const chosen = [...store.selected].map((sid) => store.rows.get(sid)).find((row) => row !== undefined);
  return (
    <Shell name="inbox" label="Conversations" theme={store.theme} height={store.height} comm={store.comm}>
      <StatusLine words={lost ?? (store.problem || null)} severe={store.connection === "denied"} />
      <Tools store={store} what="conversations" facets={["state", "channel"]}>
        <UnreadOnly store={store} />
        <Order store={store} />
        {!store.readOnly && (
          <button
            type="button"
            class="cw-button cw-tool"
            aria-expanded={isOpen && chosen !== undefined}
            aria-label="What to do with the selected conversation"
            title="What to do with the selected conversation"
            disabled={chosen === undefined}
            onClick={() => setOpen(!isOpen)}
          >
            <Dots />
          </button>
        )}
      </Tools>
      {isOpen && chosen && !store.readOnly && <Chosen key={chosen.sid} store={store} row={chosen} />}
      <Grid
        store={store}
        label="Conversations"
        columns={COLUMNS}
        rowHeight={53}
        many={false}
        heads={0}
        empty="There are no conversations."
        unfit="No conversation fits the search."
      />
    </Shell>
  );
}
