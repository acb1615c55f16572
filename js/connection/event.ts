import { finite, text, textOrNull, wire } from "../shared/values";

/** Something that the client announced, as the kernel lists it. */
export interface LogEvent {
  id: number;
  /** Milliseconds since the epoch. */
  time: number;
  name: string;
  actor: string | null;
  text: string;
}

export function eventFrom(value: unknown): LogEvent | null {
  const fields = wire(value);
  const id = finite(fields.id);
  if (id === null) return null;
  return {
    id,
    time: finite(fields.time) ?? 0,
    name: text(fields.name),
    actor: textOrNull(fields.actor),
    text: text(fields.text),
  };
}

/** Which events a reader wants to see: of one name, and with each of these words somewhere. */
export interface Filter {
  name: string;
  words: string;
}

export function filtered(events: readonly LogEvent[], { name, words }: Filter): readonly LogEvent[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (name === "" && wanted.length === 0) return events;
  return events.filter((event) => {
    if (name !== "" && event.name !== name) return false;
    const line = `${event.name} ${event.actor ?? ""} ${event.text}`.toLowerCase();
    return wanted.every((word) => line.includes(word));
  });
}
