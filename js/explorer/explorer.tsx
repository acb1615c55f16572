import { useLayoutEffect, useReducer, useState } from "preact/hooks";
import { Inbox } from "../inbox/inbox";
import { Participants } from "../participants/participants";
import { pulseWords, Shell, StatusLine } from "../shared/shell";
import { Thread } from "../thread/thread";
import type { ExplorerStore } from "./store";

type Pane = "inbox" | "thread" | "participants";
const PANES: readonly { name: Pane; label: string }[] = [
  { name: "inbox", label: "Conversations" },
  { name: "thread", label: "Messages" },
  { name: "participants", label: "People" },
];

/** Three panes side by side; where there is no room for them, one at a time. */
export function Explorer({ store }: { store: ExplorerStore }) {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0);
  const [pane, setPane] = useState<Pane>("inbox");
  useLayoutEffect(() => store.subscribe(() => render(undefined)), [store]);
  const { inbox, thread, participants } = store;
  return (
    <Shell name="explorer" label="Conversations" theme={store.theme} height={store.height} comm={store.comm}>
      <StatusLine words={pulseWords(store.comm.pulse)} severe={false} />
      <div class="cw-panes" data-pane={pane}>
        <nav class="cw-tabs" aria-label="Panes">
          {PANES.map(({ name, label }) => (
            <button key={name} type="button" class="cw-tab" aria-pressed={pane === name} onClick={() => setPane(name)}>
              {label}
            </button>
          ))}
        </nav>
        <div class="cw-pane cw-pane-inbox">{inbox && <Inbox store={inbox} />}</div>
        <div class="cw-pane cw-pane-thread">
          {thread ? <Thread store={thread} /> : <p class="cw-empty">Choose a conversation.</p>}
        </div>
        <div class="cw-pane cw-pane-participants">{participants && <Participants store={participants} />}</div>
      </div>
    </Shell>
  );
}
