import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useOwnKeys } from "../shared/keys";
import { pulseWords, Shell, StatusLine } from "../shared/shell";
import { clock, fullTime, isDate } from "../shared/time";
import { Log } from "./log";
import type { ConnectionStore, Status } from "./store";
import { latencyWords, stateWords, tokenWords } from "./words";

/** A line, that opens to everything there is to know. */
export function Connection({ store }: { store: ConnectionStore }) {
  const [isOpen, setOpen] = useState(false);
  useStore(store);
  return (
    <Shell
      name="connection"
      label="Connection"
      theme={store.theme}
      height={isOpen ? store.height : null}
      comm={store.comm}
    >
      <StatusLine words={pulseWords(store.comm.pulse)} severe={false} />
      <Line store={store} isOpen={isOpen} onOpen={setOpen} />
      {isOpen && <Details store={store} />}
    </Shell>
  );
}

export function useStore(store: ConnectionStore): void {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
}

interface LineProps {
  store: ConnectionStore;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}

export function Line({ store, isOpen, onOpen }: LineProps) {
  const { status } = store;
  const root = useRef<HTMLButtonElement>(null);
  useOwnKeys(root);
  const latency = status.state === "connected" ? latencyWords(status.latency) : null;
  return (
    <>
      <span class="cw-hidden" role="status">
        {stateWords(status.state, status.identity)}
      </span>
      <button
        ref={root}
        type="button"
        class="cw-link-line"
        aria-expanded={isOpen}
        title={isOpen ? "Close the details" : "Details, and a log of all events"}
        onClick={() => onOpen(!isOpen)}
      >
        <span class={`cw-dot cw-dot-${status.state}`} aria-hidden="true" />
        <bdi>{stateWords(status.state, status.identity)}</bdi>
        <TokenTime ends={status.tokenEnds} />
        {latency !== null && <span>{latency}</span>}
        {status.reconnects > 0 && (
          <span>{status.reconnects === 1 ? "1 reconnect" : `${status.reconnects} reconnects`}</span>
        )}
        <bdi class="cw-link-service">{status.service}</bdi>
        <span class="cw-link-more" aria-hidden="true">
          {isOpen ? "▾" : "▸"}
        </span>
      </button>
    </>
  );
}

function TokenTime({ ends }: { ends: number | null }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = ends === null ? null : (ends - Math.max(now, Date.now())) / 1000;
  const words = tokenWords(left);
  return words === null ? null : <span class={left !== null && left < 60 ? "cw-link-short" : ""}>{words}</span>;
}

/** Facts, the button that asks for a new token, and the log. */
export function Details({ store }: { store: ConnectionStore }) {
  const { status, renewal } = store;
  const root = useRef<HTMLDivElement>(null);
  useOwnKeys(root);
  return (
    <div ref={root} class="cw-link-details">
      <Facts status={status} />
      <p class="cw-link-acts">
        <button
          type="button"
          class="cw-button"
          disabled={renewal.state === "asking"}
          onClick={() => void store.renew()}
        >
          Refresh token
        </button>
        <span role={renewal.state === "failed" ? "alert" : "status"} class={renewal.state === "failed" ? "cw-bad" : ""}>
          {renewal.state === "asking" ? "Asking for a new token…" : renewal.message}
        </span>
        {renewal.message === "" && renewal.state === "idle" && !status.renewable && (
          <span class="cw-link-hint">
            The token was given as text; replace it with <code>await client.update_token(token)</code>
          </span>
        )}
      </p>
      <Log store={store} />
    </div>
  );
}

function Facts({ status }: { status: Status }) {
  const times = status.reconnected.filter(isDate);
  return (
    <dl class="cw-facts">
      <dt>State</dt>
      <dd>
        {status.state}
        {isDate(status.since) && <time title={fullTime(status.since)}> since {clock(status.since)}</time>}
      </dd>
      {times.length > 0 && (
        <>
          <dt>Reconnected</dt>
          <dd title={times.map(fullTime).join("\n")}>{times.slice(-5).map(clock).join(", ")}</dd>
        </>
      )}
      {status.lastError && (
        <>
          <dt>Last error</dt>
          <dd>
            {isDate(status.lastErrorAt) && (
              <time title={fullTime(status.lastErrorAt)}>{clock(status.lastErrorAt)} </time>
            )}
            <bdi>{status.lastError}</bdi>
          </dd>
        </>
      )}
    </dl>
  );
}
