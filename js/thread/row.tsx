import { memo } from "preact/compat";
import { Avatar } from "../shared/avatar";
import { Channel } from "../shared/channel";
import { FileIcon, Tick, Ticks, Warning } from "../shared/icons";
import type { Delivery, Medium, Message } from "../shared/model";
import { Marked, sizeName, Text } from "../shared/text";
import { clock, dayName, dayOf, fullTime, isDate, iso } from "../shared/time";

/** Milliseconds between two messages of one author that still stand under one name. */
const GROUP_WITHIN = 5 * 60_000;

/** What a row needs to know of the message above it. */
export interface Context {
  /** The day line above the row, or null. */
  day: string | null;
  /** Whether the author's name and picture are shown. */
  head: boolean;
  /** Whether it is the first that came since the reader scrolled up. */
  fresh: boolean;
}

type Placed = Pick<Message, "author" | "own" | "channel" | "dateCreated"> & { system?: boolean; deleted?: boolean };

/** A line that nobody says: no name, no picture, and what comes after it gets its own. */
const isQuiet = (placed: Placed): boolean => placed.system === true || placed.deleted === true;

export function contextOf(message: Placed, above: Placed | null, fresh = false): Context {
  const date = isDate(message.dateCreated) ? message.dateCreated : null;
  const before = above && isDate(above.dateCreated) ? above.dateCreated : null;
  const newDay = date !== null && (before === null ? above === null : dayOf(date) !== dayOf(before));
  const near = date === null || before === null || Math.abs(date - before) <= GROUP_WITHIN;
  const same = above?.author === message.author && above.own === message.own && above.channel === message.channel;
  const alone = newDay || fresh || !same || !near || (above !== null && isQuiet(above));
  return { day: newDay ? dayName(date) : null, head: alone && !isQuiet(message), fresh };
}

function Time({ date }: { date: number | null }) {
  if (!isDate(date)) return null;
  return (
    <time class="cw-time" dateTime={iso(date)} title={fullTime(date)}>
      {clock(date)}
    </time>
  );
}

/** The sign and the sentence for how far an own message got. */
export function deliveryOf(
  delivery: Delivery,
): { sign: "failed" | "read" | "delivered" | "sent"; words: string } | null {
  const people = delivery.total === 1 ? "the recipient" : `all ${delivery.total} people`;
  const reach = (amount: "some" | "all") => (amount === "all" ? people : "some people");
  const { failed, undelivered, read, delivered, sent } = delivery;
  const lost = failed === "none" ? undelivered : failed;
  if (lost !== "none") {
    const words = lost === "all" ? "Not delivered" : "Not delivered to some people";
    return { sign: "failed", words };
  }
  if (read !== "none") return { sign: "read", words: `Read by ${reach(read)}` };
  if (delivered !== "none") return { sign: "delivered", words: `Delivered to ${reach(delivered)}` };
  if (sent !== "none") return { sign: "sent", words: `Sent to ${reach(sent)}` };
  return null;
}

function DeliverySign({ delivery }: { delivery: Delivery }) {
  const state = deliveryOf(delivery);
  if (!state) return null;
  const { sign, words } = state;
  return (
    <span class={`cw-delivery cw-${sign}`} title={words}>
      {sign === "failed" ? <Warning /> : sign === "sent" ? <Tick /> : <Ticks />}
      <span class="cw-hidden">{words}</span>
    </span>
  );
}

function File({ medium }: { medium: Medium }) {
  const { contentType, size } = medium;
  const kind = contentType.split("/")[0] || "file";
  return (
    <span class="cw-file" title={medium.filename ?? contentType}>
      <span class={`cw-file-icon cw-file-${/^(image|audio|video)$/.test(kind) ? kind : "other"}`}>
        <FileIcon contentType={contentType} />
      </span>
      <span class="cw-file-text">
        <bdi class="cw-file-name">{medium.filename ?? "Unnamed file"}</bdi>
        <span class="cw-file-size">{[size === null ? "" : sizeName(size), kind].filter(Boolean).join(" · ")}</span>
      </span>
    </span>
  );
}

export function Lines({ day, fresh }: Context) {
  if (day !== null) {
    return (
      <div class={fresh ? "cw-line cw-fresh" : "cw-line"}>
        <span>{fresh ? `New · ${day}` : day}</span>
      </div>
    );
  }
  return fresh ? (
    <div class="cw-line cw-fresh">
      <span>New</span>
    </div>
  ) : null;
}

export function Gutter({ message, head }: { message: Placed & { name: string }; head: boolean }) {
  return (
    <div class="cw-gutter">
      {head ? <Avatar author={message.author} name={message.name} /> : <Time date={message.dateCreated} />}
    </div>
  );
}

export function Name({ message, head }: { message: Placed & { name: string }; head: boolean }) {
  const name = message.name || "Unknown";
  if (!head) return <span class="cw-hidden">{name}: </span>;
  return (
    <div class="cw-head">
      <bdi class="cw-name" title={name}>
        {name}
      </bdi>
      <Channel channel={message.channel} />
      <Time date={message.dateCreated} />
    </div>
  );
}

export const labelOf = (name: string, date: number | null) => (isDate(date) ? `${name}, ${clock(date)}` : name);

export interface MessageRowProps extends Context {
  message: Message;
  /** What is searched for and marked, folded; "" for nothing. */
  highlight?: string;
}

export const MessageRow = memo(
  ({ message, day, head, fresh, highlight = "" }: MessageRowProps) => {
    const { body, media, subject } = message;
    if (isQuiet(message)) return <QuietRow message={message} day={day} head={head} fresh={fresh} />;
    return (
      <>
        <Lines day={day} head={head} fresh={fresh} />
        <article
          class={head ? "cw-row cw-first" : "cw-row"}
          aria-label={labelOf(message.name, message.dateCreated)}
          data-index={message.index}
          data-sid={message.sid}
        >
          <Gutter message={message} head={head} />
          <div class="cw-content">
            <Name message={message} head={head} />
            {subject && (
              <div class="cw-subject" dir="auto">
                <Marked highlight={highlight}>{subject}</Marked>
              </div>
            )}
            {body && (
              <div class="cw-said">
                <div class="cw-body" dir="auto">
                  <Text highlight={highlight}>{body}</Text>
                </div>
                {message.edited && <span class="cw-edited">(edited)</span>}
              </div>
            )}
            {!body && !subject && media.length === 0 && <div class="cw-body cw-none">No text</div>}
            {media.length > 0 && (
              <div class="cw-files">
                {media.map((medium, at) => (
                  <File key={medium.sid || at} medium={medium} />
                ))}
              </div>
            )}
            {message.edited && !body && <span class="cw-edited">(edited)</span>}
          </div>
          {message.own && message.delivery && <DeliverySign delivery={message.delivery} />}
        </article>
      </>
    );
  },
  (a, b) =>
    a.message === b.message &&
    a.day === b.day &&
    a.head === b.head &&
    a.fresh === b.fresh &&
    a.highlight === b.highlight,
);

/** What the service itself said, or the place of a message that was removed while it was shown. */
function QuietRow({ message, day, head, fresh }: MessageRowProps) {
  return (
    <>
      <Lines day={day} head={head} fresh={fresh} />
      <p
        class={message.deleted ? "cw-quiet cw-deleted" : "cw-quiet"}
        data-index={message.index}
        data-sid={message.sid}
        dir="auto"
      >
        {message.deleted ? (
          <>
            <span class="cw-hidden">{message.name || "Unknown"}: </span>Message deleted
          </>
        ) : (
          <Text>{message.body ?? ""}</Text>
        )}
        <Time date={message.dateCreated} />
      </p>
    </>
  );
}
