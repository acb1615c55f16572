import { Clock, FileIcon } from "../shared/icons";
import { sizeName, Text } from "../shared/text";
import { type Context, Gutter, Lines, labelOf, Name } from "./row";
import type { Pending, Upload } from "./sending";

export interface PendingRowProps extends Context {
  pending: Pending;
  author: string;
  name: string;
  /** What it waits for, or null. */
  held: string | null;
  onRetry(): void;
  onDiscard(): void;
  onCancel(): void;
}

/** An own message before the kernel confirmed it, or after it could not be sent. */
export function PendingRow(props: PendingRowProps) {
  const { pending, author, name, held, day, head, onRetry, onDiscard, onCancel } = props;
  const { localId, status, error, files, upload } = pending;
  const isOnItsWay = status === "waiting" || status === "sending";
  const placed = { author, name, own: true, channel: "chat", dateCreated: pending.date };
  return (
    <>
      <Lines day={day} head={head} fresh="" />
      <article
        class={`cw-row cw-pending cw-${isOnItsWay ? "sending" : status}-row${head ? " cw-first" : ""}`}
        aria-label={labelOf(name, pending.date)}
        data-local-id={localId}
      >
        <Gutter message={placed} head={head} />
        <div class="cw-content">
          <Name message={placed} head={head} />
          {pending.body !== "" && (
            <div class="cw-body" dir="auto">
              <Text>{pending.body}</Text>
            </div>
          )}
          {files.length > 0 && (
            <ul class="cw-chips" aria-label="Attachments">
              {files.map(({ id, file }) => (
                <li key={id} class="cw-chip">
                  <FileIcon contentType={file.type} />
                  <bdi class="cw-chip-name">{file.name || "Unnamed file"}</bdi>
                  <span class="cw-chip-size">{sizeName(file.size)}</span>
                </li>
              ))}
            </ul>
          )}
          {isOnItsWay && (held !== null || upload !== null || files.length > 0) && (
            <div class="cw-held">
              {upload && held === null ? <Bar upload={upload} /> : <Clock />}
              <span>{held ?? (upload ? uploadWords(upload) : "waits for those before it")}</span>
              {(status === "waiting" || files.length > 0) && (
                <button type="button" class="cw-button" onClick={onCancel}>
                  Cancel
                </button>
              )}
            </div>
          )}
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
        {isOnItsWay && held === null && (
          <span class="cw-delivery cw-sending">
            <Clock />
            <span>sending…</span>
          </span>
        )}
      </article>
    </>
  );
}

/** Both halves of the way in one bar: to the kernel, and from there to the service. */
function Bar({ upload: { stage, through, total } }: { upload: Upload }) {
  const half = Math.min(1, through / Math.max(1, total)) / 2;
  return <progress class="cw-bar" max={1} value={stage === "kernel" ? half : 0.5 + half} aria-label="Upload" />;
}

const uploadWords = ({ stage, through, total }: Upload): string =>
  `${sizeName(Math.min(through, total))} of ${sizeName(total)} to the ${stage}`;
