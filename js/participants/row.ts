import { finite, text, textOrNull, wire } from "../shared/values";

/** A participant as the kernel tells it. */
export interface Participant {
  sid: string;
  /** What the colour of the picture is made of. */
  author: string;
  name: string;
  address: string | null;
  channel: string;
  role: string | null;
  online: boolean | null;
  typing: boolean;
  read: number | null;
  behind: number | null;
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
    address: textOrNull(fields.address),
    channel: text(fields.channel) || "chat",
    role: textOrNull(fields.role),
    online: typeof fields.online === "boolean" ? fields.online : null,
    typing: fields.typing === true,
    read: finite(fields.read),
    behind: finite(fields.behind),
    joined: finite(fields.joined),
  };
}
