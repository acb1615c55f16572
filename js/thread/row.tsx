import { useState } from "preact/hooks";
import { memo } from "../react";
import { Avatar } from "../shared/avatar";
import { Channel } from "../shared/channel";
import { Dots } from "../shared/icons";
import type { Message } from "../shared/model";
import { Marked, Text } from "../shared/text";
import { clock, dayName, dayOf, isDate } from "../shared/time";
import { Body } from "./body";
import type { Change, Changes } from "./changes";
import { Confirm, Editor } from "./editing";
import { EmailTexts } from "./email";
import { Media } from "./media";
import { Reactions } from "./reactions";
import { Receipt, ReceiptList, reachOf } from "./receipts";
import { Rich } from "./rich";
import { Time } from "./time";

/** Milliseconds between two messages of one author that still stand under one name. */
const GROUP_WITHIN = 5 * 60_000;

/** What a row needs to know of the message above it. */
export interface Context {
  /** The day line above the row, or null. */
  day: string | null;
  /** Whether the author's name and picture are shown. */
  head: boolean;
  /** What the line above it says of the new messages that begin with it; "" where none do. */
  fresh: string;
}

type Placed = Pick<Message, "author" | "own" | "channel" | "dateCreated"> & { system?: boolean; deleted?: boolean };

/** A line that nobody says: no name, no picture, and what comes after it gets its own. */
const isQuiet = (placed: Placed): boolean => placed.system === true || placed.deleted === true;

export function contextOf(message: Placed, above: Placed | null, fresh = ""): Context {
  const date = isDate(message.dateCreated) ? message.dateCreated : null;
  const before = above && isDate(above.dateCreated) ? above.dateCreated : null;
  const newDay = date !== null && (before === null ? above === null : dayOf(date) !== dayOf(before));
  const near = date === null || before === null || Math.abs(date - before) <= GROUP_WITHIN;
  const same = above?.author === message.author && above.own === message.own && above.channel === message.channel;
  const alone = newDay || fresh !== "" || !same || !near || (above !== null && isQuiet(above));
  return { day: newDay ? dayName(date) : null, head: alone && !isQuiet(message), fresh };
}

export function Lines({ day, fresh }: Context) {
  if (day !== null) {
    return (
      <div class={fresh ? "cw-line cw-fresh" : "cw-line"}>
        <span>{fresh ? `${fresh} · ${day}` : day}</span>
      </div>
    );
  }
  return fresh ? (
    <div class="cw-line cw-fresh">
      <span>{fresh}</span>
    </div>
  ) : null;
}

export function Gutter({ message, head }: { message: Placed & { name: string }; head: boolean }) {
  return (
    <div class="cw-gutter">
      {head ? <Avatar author={message.author} name={message.name} /> : <Time date={message.dateCreated} short />}
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
  /** Of an own message: how many others on chat have read it, and how many there are. */
  read?: number;
  people?: number;
  /** What the reader is doing to it. */
  change?: Change | undefined;
  changes?: Changes;
}

export const MessageRow = memo(
  (props: MessageRowProps) => {
    const { message, day, head, fresh, highlight = "", read = 0, people = 0, change, changes } = props;
    const [asking, setAsking] = useState(false);
    if (isQuiet(message)) return <QuietRow {...props} />;
    const reach = message.own ? reachOf(message.delivery, read, people) : null;
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
            {change?.kind === "editing" && changes ? (
              <Editor message={message} change={change} changes={changes} />
            ) : (
              <Said message={message} highlight={highlight} />
            )}
            {change?.kind === "confirming" && changes && (
              <Confirm message={message} change={change} changes={changes} />
            )}
            <Reactions message={message} />
            {reach && asking && <ReceiptList message={message} reach={reach} onClose={() => setAsking(false)} />}
          </div>
          {changes && (
            <button
              type="button"
              class="cw-more"
              tabIndex={-1} // the row has the focus: Enter does it
              aria-label="Actions"
              aria-haspopup="menu"
              title="Actions"
            >
              <Dots />
            </button>
          )}
          {reach && <Receipt reach={reach} open={asking} onPress={() => setAsking(!asking)} />}
        </article>
      </>
    );
  },
  (a, b) =>
    a.message === b.message &&
    a.day === b.day &&
    a.head === b.head &&
    a.fresh === b.fresh &&
    a.highlight === b.highlight &&
    a.read === b.read &&
    a.people === b.people &&
    a.change === b.change,
);

/** What a message says, in whatever form. */
function Said({ message, highlight }: { message: Message; highlight: string }) {
  const { index, sid, body, subject, media, texts, content } = message;
  const edited = message.edited && <span class="cw-edited">(edited)</span>;
  const isEmpty = !body && !subject && media.length === 0 && texts.length === 0;
  return (
    <>
      {subject && (
        <div class="cw-subject" dir="auto">
          <Marked highlight={highlight}>{subject}</Marked>
        </div>
      )}
      {content !== null ? (
        <Rich key={sid} message={message} type={content} />
      ) : (
        body && (
          <div class="cw-said">
            <Body key={sid} name={sid} plain={message.plain} highlight={highlight}>
              {body}
            </Body>
            {edited}
          </div>
        )
      )}
      {content === null && isEmpty && <div class="cw-body cw-none">No text</div>}
      {media.length > 0 && <Media index={index} media={media} />}
      {texts.length > 0 && <EmailTexts index={index} texts={texts} />}
      {(!body || content !== null) && edited}
    </>
  );
}

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
