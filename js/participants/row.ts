import { finite, text, textOrNull, wire } from "../shared/values";

/** A participant as the kernel tells it. */
export interface Participant {
  sid: string;
  /** What the colour of the picture is made of. */
  author: string;
  name: string;
  own: boolean;
  address: string | null;
  channel: string;
  /** What the role is called, and its sid. */
  role: string | null;
  roleSid: string | null;
  /** Null while nobody knows. */
  online: boolean | null;
  typing: boolean;
  /** Index of a message. */
  read: number | null;
  behind: number | null;
  sent: number | null;
  /** Whether there are older messages that were not counted. */
  sentMore: boolean;
  /** Milliseconds since the epoch. */
  joined: number | null;
}

export function participantFrom(value: unknown): Participant | null {
  const fields = wire(value);
  const sid = text(fields.sid);
  if (!sid) return null;
  return {
    sid,
    author: text(fields.author),
    name: text(fields.name) || sid,
    own: fields.own === true,
    address: textOrNull(fields.address),
    channel: text(fields.channel) || "chat",
    role: textOrNull(fields.role),
    roleSid: textOrNull(fields.role_sid),
    online: typeof fields.online === "boolean" ? fields.online : null,
    typing: fields.typing === true,
    read: finite(fields.read),
    behind: finite(fields.behind),
    sent: finite(fields.sent),
    sentMore: fields.sent_more === true,
    joined: finite(fields.joined),
  };
}
