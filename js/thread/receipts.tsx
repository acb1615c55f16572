import { useContext, useEffect, useState } from "preact/hooks";
import { Channel } from "../shared/channel";
import { Tick, Ticks, Warning } from "../shared/icons";
import type { Delivery, Message, Readers } from "../shared/model";
import { clock, dayName, fullTime, isDate, iso } from "../shared/time";
import { finite, listOf, oneOf, text, wire } from "../shared/values";
import { ReadingContext } from "./reading";

export type Sign = "failed" | "read" | "delivered" | "sent";

/** How far an own message got: with people on chat, who say how far they have read, and with those elsewhere. */
export interface Reach {
  sign: Sign;
  words: string;
}

/** How many others on chat there are, and how many of them have read up to this message. */
export function readersOf(readers: Readers, index: number): { read: number; people: number } {
  let read = 0;
  let people = 0;
  for (const each of readers) {
    people += each.count;
    if (each.index >= index) read += each.count;
  }
  return { read, people };
}

const NONE: Delivery = { total: 0, sent: "none", delivered: "none", read: "none", failed: "none", undelivered: "none" };

/** The sign and the sentence for how far an own message got. */
export function reachOf(delivery: Delivery | null, read: number, people: number): Reach {
  const { failed, undelivered, ...told } = delivery ?? NONE;
  const total = people + told.total;
  const everybody = total === 1 ? "the recipient" : `all ${total} people`;
  const lost = failed === "none" ? undelivered : failed;
  if (lost !== "none") {
    const all = lost === "all" && people === 0;
    return { sign: "failed", words: all ? "Not delivered" : "Not delivered to some people" };
  }
  if (read > 0 || told.read !== "none") {
    const all = read === people && (told.total === 0 || told.read === "all");
    const some = told.total === 0 ? `${read} of ${people} people` : "some people";
    return { sign: "read", words: `Read by ${all ? everybody : some}` };
  }
  if (told.delivered !== "none") {
    const all = people === 0 && told.delivered === "all";
    return { sign: "delivered", words: `Delivered to ${all ? everybody : "some people"}` };
  }
  return { sign: "sent", words: "Sent" };
}

interface ReceiptProps {
  reach: Reach;
  open: boolean;
  onPress(): void;
}

/** One sign for all: a tick for sent, two for delivered, in the accent colour for read. Pressing it shows who. */
export function Receipt({ reach: { sign, words }, open, onPress }: ReceiptProps) {
  return (
    <button
      type="button"
      class={`cw-plain cw-delivery cw-${sign}`}
      title={words}
      aria-expanded={open}
      onClick={onPress}
    >
      {sign === "failed" ? <Warning /> : sign === "sent" ? <Tick /> : <Ticks />}
      <span class="cw-hidden">{words}</span>
    </button>
  );
}

interface Person {
  name: string;
  channel: string;
  state: string;
  at: number | null;
  by: boolean;
  code: number;
  meaning: string;
}

const STATES: Readonly<Record<string, string>> = {
  failed: "Failed",
  undelivered: "Not delivered",
  queued: "Waiting",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  unknown: "Not known",
};

function personFrom(value: unknown): Person {
  const fields = wire(value);
  return {
    name: text(fields.name) || "Unknown",
    channel: text(fields.channel) || "chat",
    state: oneOf(fields.state, Object.keys(STATES), "unknown"),
    at: finite(fields.at),
    by: fields.by === true,
    code: finite(fields.code) ?? 0,
    meaning: text(fields.meaning),
  };
}

/** Who got a message and who has read it, asked from the kernel, and asked again when the message's reach changes. */
export function ReceiptList({ message, reach, onClose }: { message: Message; reach: Reach; onClose(): void }) {
  const { desk } = useContext(ReadingContext);
  const [people, setPeople] = useState<readonly Person[] | null>(null);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let stale = false;
    desk?.ask("receipts", { index: message.index }).then(
      (answer) => {
        if (stale) return;
        const fields = wire(answer);
        setPeople(listOf(fields.people, personFrom));
        setTotal(finite(fields.total) ?? 0);
      },
      (reason: Error) => !stale && setError(reason.message),
    );
    return () => {
      stale = true;
    };
  }, [desk, message.index, message.delivery, reach.words]);
  return (
    <section class="cw-receipts" aria-label="Who got this message">
      <div class="cw-receipts-head">
        <span>{reach.words}</span>
        <button type="button" class="cw-plain" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      {error !== null && (
        <p class="cw-wrong" role="alert">
          {error}
        </p>
      )}
      {people === null && error === null && <p class="cw-none">Loading…</p>}
      {people?.length === 0 && <p class="cw-none">Nobody else is here.</p>}
      {people !== null && people.length > 0 && (
        <ul>
          {people.map((person, at) => (
            <li key={at} class={`cw-${person.state}`}>
              <bdi class="cw-who">{person.name}</bdi>
              <Channel channel={person.channel} />
              <span class="cw-state">{STATES[person.state]}</span>
              <When at={person.at} by={person.by} />
              {person.code !== 0 && (
                <span class="cw-code-meaning">
                  {person.code}
                  {person.meaning && `: ${person.meaning}`}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {people !== null && total > people.length && <p class="cw-none">and {total - people.length} more</p>}
    </section>
  );
}

function When({ at, by }: { at: number | null; by: boolean }) {
  if (!isDate(at)) return null;
  const day = dayName(at);
  return (
    <time class="cw-time" dateTime={iso(at)} title={fullTime(at)}>
      {by && "by "}
      {day === "Today" ? clock(at) : `${day}, ${clock(at)}`}
    </time>
  );
}
