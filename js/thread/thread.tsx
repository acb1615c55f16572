import { useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";
import { flushSync } from "../react";
import { NO_KERNEL, type Pulse } from "../shared/comm";
import { Lock } from "../shared/icons";
import type { Header } from "../shared/model";
import { connectionWords, pulseWords, Shell } from "../shared/shell";
import type { Connection } from "../shared/values";
import { Composer } from "./composer";
import { whyNot } from "./composing";
import { Log } from "./log";
import { Desk, ReadingContext } from "./reading";
import { SearchBar, SearchButton } from "./search";
import type { State } from "./state";
import type { ThreadStore } from "./store";

export function Thread({ store }: { store: ThreadStore }) {
  const shift = useRef(false);
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  // Each change is on the page before the next one is made: the scroller must see them one by one to keep its place.
  useLayoutEffect(
    () =>
      store.subscribe((atOldest) => {
        shift.current = atOldest;
        flushSync(() => render(undefined));
      }),
    [store],
  );

  const { state, traits } = store;
  const { header, theme, height } = traits;
  const { times, markdown, readOnly } = traits;
  const desk = useMemo(() => new Desk(store), [store, state.conversationSid]);
  const canWrite = !readOnly && header.state !== "closed" && state.opened;
  const reading = useMemo(() => ({ desk, times, markdown, canWrite }), [desk, times, markdown, canWrite]);
  const label = header.title ? `Conversation ${header.title}` : "Conversation";
  return (
    <Shell name="thread" label={label} theme={theme} height={height} comm={store.comm}>
      <Heading store={store} header={header} />
      <Status store={store} state={state} connection={traits.connection} />
      <ReadingContext.Provider value={reading}>
        <Log store={store} state={state} header={header} shift={shift.current} />
      </ReadingContext.Provider>
      <div class="cw-typing" role="status">
        {state.typing.length > 0 && (
          <>
            <span class="cw-dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            <bdi>{typingWords(state.typing)}</bdi>
          </>
        )}
      </div>
      <Foot store={store} state={state} header={header} readOnly={traits.readOnly} />
    </Shell>
  );
}

function Heading({ store, header }: { store: ThreadStore; header: Header }) {
  const button = useRef<HTMLButtonElement>(null);
  const names = header.names.join(", ");
  const { search } = store;
  const close = () => {
    search.hide();
    button.current?.focus({ preventScroll: true });
  };
  return (
    <header class={search.isOpen ? "cw-header cw-searched" : "cw-header"}>
      <bdi class="cw-title" title={header.title}>
        {header.title || "Conversation"}
      </bdi>
      <span class={`cw-badge cw-state-${header.state}`}>{header.state}</span>
      <bdi class="cw-names" title={names}>
        {names}
      </bdi>
      {search.isOpen && <SearchBar search={search} newest={store.state.newest} onClose={close} />}
      <SearchButton search={search} button={button} />
    </header>
  );
}

/** "Marta is typing…"; more than two are counted. */
export function typingWords(names: readonly string[]): string {
  const [first, second] = names;
  if (names.length > 2) return `${names.length} people are typing…`;
  return second === undefined ? `${first} is typing…` : `${first} and ${second} are typing…`;
}

/** What the status line says, or null when all is well. */
export function statusWords(state: State, connection: Connection, pulse: Pulse = "alive"): string | null {
  if (pulse === "saved") return pulseWords(pulse);
  if (state.sync === "failed" && state.error) {
    const { type, message } = state.error;
    if (type === "NoKernel" || (type === "Timeout" && !state.opened)) return NO_KERNEL;
    return message;
  }
  return pulseWords(pulse) ?? connectionWords(connection, state.opened);
}

function Status({ store, state, connection }: { store: ThreadStore; state: State; connection: Connection }) {
  const words = statusWords(state, connection, store.comm.pulse);
  const failed = state.sync === "failed";
  const waiting = words === null && state.sync === "opening" && !state.opened;
  const severe = connection === "denied" || (failed && state.error?.type !== "NoKernel");
  return (
    <div class={severe ? "cw-status cw-severe" : "cw-status"} role="status">
      {waiting && <p class="cw-later">Waiting for the kernel…</p>}
      {words !== null && (
        <p>
          <span>{words}</span>
          {failed && (
            <button type="button" class="cw-button" onClick={() => store.reopen()}>
              Try again
            </button>
          )}
        </p>
      )}
    </div>
  );
}

interface FootProps {
  store: ThreadStore;
  state: State;
  header: Header;
  readOnly: boolean;
}

/** The composer, or why there is none. */
function Foot({ store, state, header, readOnly }: FootProps) {
  const { writing, connection, enterSends } = store.traits;
  const { outbox } = store;
  const cannot = whyNot(writing, connection, header.state, readOnly);
  const isGone = state.sync === "failed" && !state.opened;
  const reason = cannot ?? (isGone ? "Nothing can be sent without a kernel." : null);
  if (reason !== null) {
    return (
      <p class="cw-reason-line">
        <Lock />
        {reason}
      </p>
    );
  }
  return (
    <Composer
      key={state.conversationSid}
      draft={outbox.draft}
      files={outbox.files}
      writing={writing}
      enterSends={enterSends}
      onDraft={(text) => {
        outbox.draft = text;
      }}
      onFiles={(files) => {
        outbox.files = files;
      }}
      onSend={(text, files) => store.send(text, files)}
      onTyping={() => store.typing()}
    />
  );
}
