import { useCallback, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { Details, Line, useStore } from "../connection/connection";
import type { ConnectionStore } from "../connection/store";
import { Inbox } from "../inbox/inbox";
import { Participants } from "../participants/participants";
import type { Comm } from "../shared/comm";
import { connectionWords, pulseWords, Shell, StatusLine } from "../shared/shell";
import { Thread } from "../thread/thread";
import { entryOf, nextEntry, PANES, type Pane, paneOf } from "./panes";
import type { ExplorerStore } from "./store";
import { Toolbar } from "./toolbar";

const LABELS: Record<Pane, string> = { inbox: "Conversations", thread: "Messages", participants: "People" };

/** Three panes side by side; where there is no room for them, one at a time. */
export function Explorer({ store }: { store: ExplorerStore }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const [pane, setPane] = useState<Pane>("inbox");
  const [people, setPeople] = useState<boolean | null>(null); // null: as there is room
  const root = useRef<HTMLDivElement>(null);
  const entering = useRef<Pane | null>(null);
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);

  // A reader who opened a conversation with a key goes on in it; the list that had the focus may be hidden now.
  useLayoutEffect(() => {
    if (entering.current !== null && root.current) {
      entryOf(root.current, entering.current)?.focus({ preventScroll: true });
      entering.current = null;
    }
  });
  const go = useCallback((to: Pane, withFocus: boolean) => {
    entering.current = withFocus ? to : null;
    setPane(to);
  }, []);
  const onF6 = (event: KeyboardEvent) => {
    if (event.key !== "F6" || !root.current) return;
    const entry = nextEntry(root.current, paneOf(event.target as Element), event.shiftKey);
    if (!entry) return;
    event.preventDefault();
    event.stopPropagation();
    entry.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.target as Element).matches(".cw-pane-inbox [role='grid']")) go("thread", true);
  };

  const words = pulseWords(store.comm.pulse) ?? connectionWords(store.connection, true);
  return (
    <Shell name="explorer" label="Conversations" theme={store.theme} height={store.height} comm={store.comm}>
      <Toolbar store={store} />
      <StatusLine words={words} severe={store.connection === "denied"} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only leads keys from pane to pane */}
      <div
        ref={root}
        class="cw-panes"
        data-pane={pane}
        data-people={people === null ? "auto" : people ? "open" : "closed"}
        onKeyDownCapture={onF6} // before a field that keeps its keys from the host
        onKeyDown={onKeyDown}
      >
        <Tabs store={store} pane={pane} onGo={go} />
        {/* biome-ignore lint/a11y/noStaticElementInteractions: its rows are what is pressed */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter does the same, above */}
        <div
          class="cw-pane cw-pane-inbox"
          onClick={(event) => (event.target as Element).closest(".cw-row-line") && go("thread", false)}
        >
          {store.inbox && <Inbox store={store.inbox} />}
        </div>
        <div class="cw-pane cw-pane-thread">
          <Middle store={store} />
          {store.participants && (
            <PeopleToggle root={root.current} comm={store.participants.comm} people={people} onChange={setPeople} />
          )}
        </div>
        <div class="cw-pane cw-pane-participants">
          {store.participants && store.selectedSid !== "" && <Participants store={store.participants} />}
        </div>
      </div>
      {store.link && <Foot store={store.link} />}
    </Shell>
  );
}

/** The thread, or why there is none. */
function Middle({ store }: { store: ExplorerStore }) {
  if (store.thread && store.selectedSid !== "") return <Thread store={store.thread} />;
  if (store.inbox?.opened && store.inbox.total === 0) {
    return (
      <div class="cw-nowhere">
        <p>There are no conversations yet. Make the first one:</p>
        <code>conversation = await client.create_conversation(friendly_name="First")</code>
      </div>
    );
  }
  const gone = store.gone !== "" && (
    <>
      <bdi>{store.gone}</bdi> was removed, or you are not in it any more.{" "}
    </>
  );
  return (
    <p class="cw-nowhere" role="status">
      {gone}
      {store.selectedSid === "" ? "Choose a conversation." : "Opening the conversation…"}
    </p>
  );
}

const isFaulty = (comm: Comm | undefined): boolean => comm !== undefined && comm.faults.length > 0;

interface TabsProps {
  store: ExplorerStore;
  pane: Pane;
  onGo: (pane: Pane, withFocus: boolean) => void;
}

/** Where there is room for one pane only: which one. A fault in another one is marked. */
function Tabs({ store, pane, onGo }: TabsProps) {
  return (
    <nav class="cw-tabs" aria-label="Panes">
      {PANES.map((name) => (
        <button
          key={name}
          type="button"
          class="cw-tab"
          aria-current={pane === name}
          onClick={(event) => onGo(name, event.detail === 0)} // 0: by a key
        >
          {name === "inbox" && pane === "thread" && <span aria-hidden="true">‹ </span>}
          {LABELS[name]}
          {pane !== name && isFaulty(store[name]?.comm) && <Mark />}
        </button>
      ))}
    </nav>
  );
}

function Mark() {
  return (
    <span class="cw-fault-mark">
      !<span class="cw-hidden"> something failed there</span>
    </span>
  );
}

interface PeopleToggleProps {
  root: HTMLElement | null;
  comm: Comm;
  people: boolean | null;
  onChange: (people: boolean) => void;
}

/** Shows or hides who is there; at first that depends on the room there is. */
function PeopleToggle({ root, comm, people, onChange }: PeopleToggleProps) {
  const isSeen = () => {
    const pane = root?.querySelector<HTMLElement>(".cw-pane-participants");
    return pane != null && getComputedStyle(pane).display !== "none";
  };
  const isOpen = people ?? isSeen();
  return (
    <button
      type="button"
      class="cw-people-toggle"
      aria-expanded={isOpen}
      aria-label={isOpen ? "Hide the participants" : "Show the participants"}
      title={isOpen ? "Hide the participants" : "Show the participants"}
      onClick={() => onChange(!isSeen())}
    >
      <span aria-hidden="true">{isOpen ? "›" : "‹"}</span>
      {!isOpen && isFaulty(comm) && <Mark />}
    </button>
  );
}

/** How the connection is, in a line that opens to all there is to know. */
function Foot({ store }: { store: ConnectionStore }) {
  const [isOpen, setOpen] = useState(false);
  useStore(store);
  return (
    <footer class={isOpen ? "cw-foot cw-foot-open" : "cw-foot"}>
      <Line store={store} isOpen={isOpen} onOpen={setOpen} />
      {isOpen && <Details store={store} />}
    </footer>
  );
}
