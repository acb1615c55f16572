import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { copyText } from "../shared/clipboard";
import { useOwnKeys } from "../shared/keys";
import { fullTime, isDate } from "../shared/time";
import { type Filter, filtered, type LogEvent } from "./event";
import type { ConnectionStore } from "./store";

const ROW = 24;
const BEYOND = 6;
const STEPS: Record<string, number> = {
  ...{ ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Number.MAX_SAFE_INTEGER },
  End: Number.MAX_SAFE_INTEGER,
};

const secondFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

/** All that the client announced, newest last: to filter, pause, clear, copy, and to look into. */
export function Log({ store }: { store: ConnectionStore }) {
  const [filter, setFilter] = useState<Filter>({ name: "", words: "" });
  const [open, setOpen] = useState<LogEvent | null>(null);
  const [said, setSaid] = useState("");
  const events = useMemo(() => filtered(store.events, filter), [store.events, filter]);
  const names = useMemo(() => [...new Set(store.events.map((event) => event.name))].sort(), [store.events]);
  useEffect(() => {
    store.openLog(true);
    return () => store.openLog(false);
  }, [store]);

  const onCopy = async (near: HTMLElement) => {
    try {
      const lines = await store.copy(events.map((event) => event.id));
      setSaid((await copyText(lines, near)) ? `${events.length} copied` : "The browser does not let us copy");
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="cw-events">
      <search class="cw-tools">
        <input
          type="search"
          class="cw-grid-search"
          value={filter.words}
          placeholder="Search events"
          aria-label="Search events"
          onInput={(event) => setFilter({ ...filter, words: event.currentTarget.value })}
        />
        <select
          class={filter.name ? "cw-facet cw-chosen" : "cw-facet"}
          aria-label="Event"
          value={filter.name}
          onChange={(event) => setFilter({ ...filter, name: event.currentTarget.value })}
        >
          <option value="">All events</option>
          {(filter.name && !names.includes(filter.name) ? [...names, filter.name] : names).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <button type="button" class="cw-button" aria-pressed={store.paused} onClick={() => store.pause(!store.paused)}>
          {store.paused ? "Go on" : "Pause"}
        </button>
        <button
          type="button"
          class="cw-button"
          onClick={() => {
            setOpen(null);
            store.clear();
          }}
        >
          Clear
        </button>
        <button type="button" class="cw-button" onClick={(event) => void onCopy(event.currentTarget)}>
          Copy JSON
        </button>
        <span class="cw-grid-count" role="status">
          {said || `${events.length.toLocaleString()}${store.paused ? ", paused" : ""}`}
        </span>
      </search>
      <List events={events} open={open} onOpen={setOpen} />
      {open && <Payload key={open.id} store={store} event={open} onClose={() => setOpen(null)} />}
    </div>
  );
}

interface ListProps {
  events: readonly LogEvent[];
  open: LogEvent | null;
  onOpen: (event: LogEvent | null) => void;
}

/** Only rows in sight are on the page; a reader at the end stays at the end. */
function List({ events, open, onOpen }: ListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<number | null>(null);
  const atEnd = useRef(true);
  const height = scroller.current?.clientHeight || 200;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  });

  const at = events.findIndex((event) => event.id === active);
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      const element = scroller.current;
      if (!element || event.composedPath()[0] !== element) return;
      const step = STEPS[event.key];
      if (step !== undefined) {
        event.preventDefault();
        const to = Math.max(0, Math.min((at < 0 ? events.length - 1 : at) + (at < 0 ? 0 : step), events.length - 1));
        setActive(events[to]?.id ?? null);
        if (to * ROW < element.scrollTop) element.scrollTop = to * ROW;
        else if ((to + 1) * ROW > element.scrollTop + element.clientHeight)
          element.scrollTop = (to + 1) * ROW - element.clientHeight;
      } else if (event.key === " " && events[at]) {
        event.preventDefault();
        onOpen(events[at] ?? null);
      }
    },
    [events, at, onOpen],
  );
  useOwnKeys(scroller, onKey);

  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const shown = events.slice(first, first + Math.ceil(height / ROW) + 2 * BEYOND);
  return (
    <div
      ref={scroller}
      class="cw-event-list"
      role="listbox"
      tabIndex={0}
      aria-label="Events, newest last"
      aria-activedescendant={at >= 0 ? `${id}-${active}` : undefined}
      onScroll={(event) => {
        const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
        atEnd.current = scrollTop + clientHeight >= scrollHeight - ROW / 2;
        setTop(scrollTop);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && events[at]) onOpen(events[at] ?? null);
        if (event.key === "Escape" && open) onOpen(null);
      }}
    >
      {events.length === 0 && <p class="cw-no-event">No event yet. Write, read or reconnect, and it appears here.</p>}
      <div role="presentation" style={{ height: `${events.length * ROW}px`, position: "relative" }}>
        {shown.map((event, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys of its rows
          <div
            key={event.id}
            id={`${id}-${event.id}`}
            class={`cw-event${event.id === active ? " cw-active" : ""}${event.id === open?.id ? " cw-selected" : ""}`}
            role="option"
            tabIndex={-1}
            aria-selected={event.id === open?.id}
            aria-setsize={events.length}
            aria-posinset={first + place + 1}
            style={{ top: `${(first + place) * ROW}px` }}
            onClick={() => {
              setActive(event.id);
              onOpen(event.id === open?.id ? null : event);
            }}
          >
            <time title={isDate(event.time) ? fullTime(event.time) : ""}>
              {isDate(event.time) ? secondFormat.format(event.time) : ""}
            </time>
            <code>{event.name}</code>
            <bdi class="cw-event-actor">{event.actor}</bdi>
            <span class="cw-event-text" dir="auto">
              {event.text}
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}

/** What an event carried, as the kernel tells it: texts and sids, no token and no address of a medium. */
function Payload({ store, event, onClose }: { store: ConnectionStore; event: LogEvent; onClose: () => void }) {
  const [json, setJson] = useState("…");
  useEffect(() => {
    let isCurrent = true;
    store.payload(event.id).then(
      (found) => isCurrent && setJson(found),
      (error) => isCurrent && setJson(String(error.message)),
    );
    return () => {
      isCurrent = false;
    };
  }, [store, event.id]);
  return (
    <section class="cw-payload" aria-label={`Payload of ${event.name}`}>
      <header>
        <code>{event.name}</code>
        <button type="button" class="cw-button" onClick={onClose}>
          Close
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <pre tabIndex={0}>{json}</pre>
    </section>
  );
}
