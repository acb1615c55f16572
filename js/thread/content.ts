/** Rich content as the kernel tells it. What does not fit is "other", and shown as the JSON that it is. */
import { finite, listOf, text, textOrNull, texts, wire } from "../shared/values";

export interface Action {
  kind: "url" | "phone" | "reply";
  title: string;
  /** Where to, or which number; nothing for a reply, whose title is what is sent. */
  target: string;
}

export interface Item {
  title: string;
  description: string | null;
}

export interface Card {
  title: string;
  subtitle: string | null;
  media: readonly string[];
  actions: readonly Action[];
}

export type Content =
  | { kind: "text"; body: string }
  | { kind: "media"; body: string | null; media: readonly string[] }
  | { kind: "location"; latitude: number; longitude: number; label: string | null }
  | { kind: "buttons"; body: string; actions: readonly Action[] }
  | { kind: "list"; body: string; button: string; items: readonly Item[] }
  | { kind: "cards"; body: string | null; cards: readonly Card[] }
  | { kind: "other"; raw: string };

const KINDS: Record<string, Action["kind"]> = {
  ...{ url: "url", phone: "phone", reply: "reply" },
  ...{ URL: "url", PHONE_NUMBER: "phone", QUICK_REPLY: "reply" },
};

function actionFrom(value: unknown): Action | null {
  const fields = wire(value);
  const kind = KINDS[text(fields.type)];
  const title = text(fields.title);
  if (kind === undefined || !title) return null;
  return { kind, title, target: text(kind === "url" ? fields.url : fields.phone) };
}

function replyFrom(value: unknown): Action | null {
  const title = text(wire(value).title);
  return title ? { kind: "reply", title, target: "" } : null;
}

function itemFrom(value: unknown): Item | null {
  const fields = wire(value);
  const title = text(fields.item);
  return title ? { title, description: textOrNull(fields.description) } : null;
}

function cardFrom(value: unknown): Card | null {
  const fields = wire(value);
  const media = typeof fields.media === "string" ? [fields.media] : texts(fields.media);
  const title = text(fields.title);
  const subtitle = textOrNull(fields.subtitle) ?? textOrNull(fields.body);
  if (!title && !subtitle && media.length === 0) return null;
  return { title, subtitle, media, actions: listOf(fields.actions, actionFrom) };
}

/** A carousel is no type of the SDK: the kernel gives its JSON as it is. */
function cardsOf(raw: string): Content | null {
  try {
    const fields = wire(JSON.parse(raw));
    const cards = listOf(fields.cards, cardFrom);
    return cards.length > 0 ? { kind: "cards", body: textOrNull(fields.body), cards } : null;
  } catch {
    return null;
  }
}

/** Content of a type ("twilio/card") from what the kernel answered. */
export function contentFrom(value: unknown, type: string): Content {
  const fields = wire(value);
  const raw = text(fields.raw_data);
  const body = text(fields.body);
  switch (fields.type) {
    case "text":
      return { kind: "text", body };
    case "media":
      return { kind: "media", body: textOrNull(fields.body), media: texts(fields.media) };
    case "location": {
      const latitude = finite(fields.latitude);
      const longitude = finite(fields.longitude);
      if (latitude === null || longitude === null) break;
      return { kind: "location", latitude, longitude, label: textOrNull(fields.label) };
    }
    case "quickReply":
      return { kind: "buttons", body, actions: listOf(fields.replies, replyFrom) };
    case "callToAction":
      return { kind: "buttons", body, actions: listOf(fields.actions, actionFrom) };
    case "listPicker":
      return { kind: "list", body, button: text(fields.button), items: listOf(fields.items, itemFrom) };
    case "card": {
      const card = cardFrom(fields);
      if (!card) break;
      return { kind: "cards", body: null, cards: [card] };
    }
  }
  return (type.endsWith("/carousel") && cardsOf(raw)) || { kind: "other", raw };
}

/** JSON with its lines indented; what cannot be read as JSON as it is. */
export function prettyJson(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}

const degrees = (value: number, positive: string, negative: string): string =>
  `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;

/** "38.7223° N, 9.1393° W". */
export const placeName = (latitude: number, longitude: number): string =>
  `${degrees(latitude, "N", "S")}, ${degrees(longitude, "E", "W")}`;
