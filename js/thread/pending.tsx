import { Clock } from "../shared/icons";
import { Text } from "../shared/text";
import { type Context, Gutter, Lines, labelOf, Name } from "./row";
import type { Pending } from "./sending";

export interface PendingRowProps extends Context {
  pending: Pending;
  author: string;
  name: string;
  onRetry(): void;
  onDiscard(): void;
}

/** An own message before the kernel confirmed it, or after it could not be sent. */
export function PendingRow({ pending, author, name, day, head, onRetry, onDiscard }: PendingRowProps) {
  const { localId, status, error } = pending;
  const placed = { author, name, own: true, channel: "chat", dateCreated: pending.date };
  return (
    <>
      <Lines day={day} head={head} fresh="" />
      <article
        class={`cw-row cw-pending cw-${status}-row${head ? " cw-first" : ""}`}
        aria-label={labelOf(name, pending.date)}
        data-local-id={localId}
      >
        <Gutter message={placed} head={head} />
        <div class="cw-content">
          <Name message={placed} head={head} />
          <div class="cw-body" dir="auto">
            <Text>{pending.body}</Text>
          </div>
          {status === "failed" && (
            <div class="cw-failure" role="alert">
              <span class="cw-reason" dir="auto">
                Not sent: {error}
              </span>
              <button type="button" class="cw-button" onClick={onRetry}>
                Retry
              </button>
              <button type="button" class="cw-button" onClick={onDiscard}>
                Discard
              </button>
            </div>
          )}
        </div>
        {status === "sending" && (
          <span class="cw-delivery cw-sending">
            <Clock />
            <span>sending…</span>
          </span>
        )}
      </article>
    </>
  );
}
