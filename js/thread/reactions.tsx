import { useContext, useRef, useState } from "preact/hooks";
import { Smile } from "../shared/icons";
import type { Message, Reaction } from "../shared/model";
import { Lost } from "./media";
import { ReadingContext } from "./reading";

/** The names that the official demo writes into a message, and what they stand for. */
export const EMOJI: Readonly<Record<string, string>> = {
  thumbs_up: "👍",
  heart: "❤️",
  laugh: "😂",
  sad: "😢",
  pouting: "😡",
  thumbs_down: "👎",
};

/** What is shown of a reaction of any name: its emoji, or the name itself. */
export const signOf = (name: string): string => (Object.hasOwn(EMOJI, name) ? (EMOJI[name] ?? name) : name);

const wordOf = (name: string): string => name.replace(/_/g, " ");

/** "Dana, Priya and 3 more: thumbs up". */
export function whoReacted({ name, people, count }: Reaction): string {
  const more = count - people.length;
  const names = more > 0 ? `${people.join(", ")} and ${more} more` : people.join(", ");
  return `${names}: ${wordOf(name)}`;
}

/** Reactions as chips, and a way to add one: a press toggles the reader's own. */
export function Reactions({ message }: { message: Message }) {
  const { desk, canWrite } = useContext(ReadingContext);
  const { index, reactions } = message;
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [choosing, setChoosing] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const canReact = canWrite && desk !== null;
  if (reactions.length === 0 && !canReact) return null;

  const toggle = async (name: string) => {
    if (!desk || busy !== null) return;
    const on = !reactions.some((each) => each.name === name && each.own);
    setBusy(name);
    setError(null);
    try {
      await desk.ask("react", { index, name, on });
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
    setBusy(null);
  };
  const close = () => {
    setChoosing(false);
    opener.current?.focus({ preventScroll: true });
  };
  const onEscape = (event: KeyboardEvent) => {
    if (!choosing || event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <fieldset
      aria-label="Reactions"
      class={reactions.length > 0 || choosing || error !== null ? "cw-reactions" : "cw-reactions cw-no-reactions"}
    >
      {reactions.map((each) => (
        <button
          key={each.name}
          type="button"
          class={busy === each.name ? "cw-reaction cw-busy" : "cw-reaction"}
          aria-pressed={each.own}
          aria-disabled={!canReact}
          title={whoReacted(each)}
          aria-label={`${wordOf(each.name)}, ${each.count}`}
          onClick={() => canReact && void toggle(each.name)}
        >
          <bdi>{signOf(each.name)}</bdi> <span>{each.count}</span>
        </button>
      ))}
      {canReact && (
        <button
          ref={opener}
          type="button"
          class="cw-reaction cw-add"
          title="Add a reaction"
          aria-label="Add a reaction"
          aria-expanded={choosing}
          onKeyDown={onEscape}
          onClick={() => setChoosing(!choosing)}
        >
          <Smile />
        </button>
      )}
      {choosing && (
        <span class="cw-palette">
          {Object.keys(EMOJI).map((name) => (
            <button
              key={name}
              type="button"
              class="cw-plain cw-emoji"
              title={wordOf(name)}
              aria-label={wordOf(name)}
              onKeyDown={onEscape}
              onClick={() => {
                close();
                void toggle(name);
              }}
            >
              {EMOJI[name]}
            </button>
          ))}
        </span>
      )}
      <Lost error={error} />
    </fieldset>
  );
}
