import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { type Comm, NO_KERNEL, type Pulse } from "./comm";
import { Faults } from "./faults";
import { useMode } from "./mode";
import type { Connection, Theme } from "./values";

interface ShellProps {
  /** Of the widget: the class is cw-<name>. */
  name: string;
  /** What a screen reader calls it. */
  label: string;
  theme: Theme;
  /** Pixels, or null for as much as the content needs. */
  height: number | null;
  comm: Comm;
  children: ComponentChildren;
}

/** The outermost element of every widget: its theme, its height, and the strip of what failed in the kernel. */
export function Shell({ name, label, theme, height, comm, children }: ShellProps) {
  const root = useRef<HTMLElement>(null);
  const mode = useMode(theme, root);
  return (
    <section
      ref={root}
      class={`cw cw-${name}`}
      data-theme={theme}
      data-mode={mode}
      data-pulse={comm.pulse}
      style={height === null ? {} : { height: `${height}px` }}
      aria-label={label}
    >
      <Faults comm={comm} />
      {children}
    </section>
  );
}

/** Said by a view that a saved notebook brought back, and by a new one whose kernel is too busy to have answered yet. */
const SAVED = "A saved view: no kernel answers. Run the cell again to go on from here.";

/** What is wrong between the view and the kernel, or null. */
export function pulseWords(pulse: Pulse): string | null {
  switch (pulse) {
    case "alive":
      return null;
    case "silent":
      return "The kernel does not answer: it is busy, or not running.";
    case "gone":
      return NO_KERNEL;
    case "saved":
      return SAVED;
  }
}

/** What is wrong between the kernel and the service, or null. */
export function connectionWords(connection: Connection, wasOpen: boolean): string | null {
  switch (connection) {
    case "connected":
      return null;
    case "connecting":
      return wasOpen ? "Reconnecting…" : "Connecting…";
    case "disconnecting":
      return "Disconnecting…";
    case "disconnected":
      return "Disconnected. What is new appears when the connection is back.";
    case "denied":
      return "Access was denied: give the client a new token (client.update_token).";
  }
}

interface StatusLineProps {
  /** What is wrong, or null when all is well. */
  words: string | null;
  severe: boolean;
  children?: ComponentChildren;
}

export function StatusLine({ words, severe, children }: StatusLineProps) {
  return (
    <div class={severe ? "cw-status cw-severe" : "cw-status"} role="status">
      {words !== null && (
        <p>
          <span>{words}</span>
          {children}
        </p>
      )}
    </div>
  );
}
