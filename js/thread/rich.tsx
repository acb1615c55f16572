import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { FileIcon, Pin } from "../shared/icons";
import type { Message } from "../shared/model";
import { Link, linkTarget, Text } from "../shared/text";
import { Body } from "./body";
import { type Action, type Card, type Content, contentFrom, type Item, placeName, prettyJson } from "./content";
import { ReadingContext } from "./reading";
import { useSeen } from "./seen";

/** What a message that was made from a template shows, read from the kernel when it comes into sight. */
export function Rich({ message, type }: { message: Message; type: string }) {
  const { desk } = useContext(ReadingContext);
  const place = useRef<HTMLDivElement>(null);
  const seen = useSeen(place);
  const [content, setContent] = useState(() => desk?.contentOf(message.sid) ?? null);
  const [error, setError] = useState<string | null>(null);
  const { index, sid } = message;
  const read = () => {
    setError(null);
    desk?.ask("content", { index }).then(
      (answer) => {
        const got = contentFrom(answer, type);
        desk.keepContent(sid, got);
        setContent(got);
      },
      (reason: Error) => setError(reason.message),
    );
  };
  useEffect(() => {
    if (seen && content === null) read();
  }, [seen, sid]);
  return (
    <div ref={place} class="cw-rich">
      {content ? (
        <Shown content={content} message={message} type={type} />
      ) : (
        <>
          {message.body && (
            <Body name={sid} plain={message.plain}>
              {message.body}
            </Body>
          )}
          {error === null ? (
            !message.body && <p class="cw-none">Loading…</p>
          ) : (
            <p class="cw-none">
              Could not be read: {error}{" "}
              <button type="button" class="cw-button" onClick={read}>
                Retry
              </button>
            </p>
          )}
        </>
      )}
    </div>
  );
}

function Shown({ content, message, type }: { content: Content; message: Message; type: string }) {
  const { sid, plain, own } = message;
  const said = (body: string | null) =>
    body ? (
      <Body name={sid} plain={plain}>
        {body}
      </Body>
    ) : null;
  switch (content.kind) {
    case "text":
      return said(content.body);
    case "media":
      return (
        <>
          {said(content.body)}
          <Addresses media={content.media} />
        </>
      );
    case "location":
      return <Place {...content} />;
    case "buttons":
      return (
        <>
          {said(content.body)}
          <Actions actions={content.actions} own={own} />
        </>
      );
    case "list":
      return (
        <>
          {said(content.body)}
          <Picker button={content.button} items={content.items} own={own} />
        </>
      );
    case "cards":
      return (
        <>
          {said(content.body)}
          <div class="cw-cards">
            {content.cards.map((card) => (
              <CardBox card={card} own={own} />
            ))}
          </div>
        </>
      );
    case "other":
      return (
        <details class="cw-json">
          <summary>
            Content of the type <code>{type}</code>
          </summary>
          <pre dir="ltr">{prettyJson(content.raw)}</pre>
        </details>
      );
  }
}

/** Pictures that lie somewhere else: a page that showed them would ask a stranger's host, so they are links. */
function Addresses({ media }: { media: readonly string[] }) {
  return (
    <>
      {media.map((address) => {
        const target = linkTarget(address);
        const words = target?.startsWith("http") ? `Media at ${new URL(target).host}` : address;
        return (
          <span class="cw-address">
            <FileIcon contentType="image/any" />
            {target ? <Link target={target}>{words}</Link> : <Text>{words}</Text>}
          </span>
        );
      })}
    </>
  );
}

function Place({ latitude, longitude, label }: Extract<Content, { kind: "location" }>) {
  const target = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=15/${latitude}/${longitude}`;
  return (
    <div class="cw-place">
      <Pin />
      <span>
        {label && <bdi class="cw-place-name">{label}</bdi>}
        <Link target={target}>{placeName(latitude, longitude)}</Link>
      </span>
    </div>
  );
}

/** Replies are sent as the reader's own message when they are pressed; in own messages they are only shown. */
function Actions({ actions, own }: { actions: readonly Action[]; own: boolean }) {
  const { desk, canWrite } = useContext(ReadingContext);
  if (actions.length === 0) return null;
  return (
    <div class="cw-actions">
      {actions.map(({ kind, title, target }) => {
        if (kind === "reply") {
          const say = () => desk?.say(title);
          return (
            <button type="button" class="cw-action" dir="auto" disabled={own || !canWrite} onClick={say}>
              {title}
            </button>
          );
        }
        const address = linkTarget(kind === "phone" ? `tel:${target.replace(/\s/g, "")}` : target);
        return address ? (
          <Link target={address} class="cw-action">
            {title}
          </Link>
        ) : (
          <span class="cw-action cw-off" dir="auto" title={target}>
            {title}
          </span>
        );
      })}
    </div>
  );
}

function Picker({ button, items, own }: { button: string; items: readonly Item[]; own: boolean }) {
  const { desk, canWrite } = useContext(ReadingContext);
  return (
    <details class="cw-picker">
      <summary dir="auto">{button || "Choose"}</summary>
      <ul>
        {items.map(({ title, description }) => (
          <li>
            <button
              type="button"
              class="cw-plain cw-choice"
              dir="auto"
              disabled={own || !canWrite}
              onClick={() => desk?.say(title)}
            >
              <span>{title}</span>
              {description && <small>{description}</small>}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function CardBox({ card, own }: { card: Card; own: boolean }) {
  return (
    <div class="cw-card">
      {card.title && (
        <div class="cw-card-title" dir="auto">
          <Text>{card.title}</Text>
        </div>
      )}
      {card.subtitle && (
        <div class="cw-card-text" dir="auto">
          <Text>{card.subtitle}</Text>
        </div>
      )}
      <Addresses media={card.media} />
      <Actions actions={card.actions} own={own} />
    </div>
  );
}
