const CHANNELS: Record<string, string> = { sms: "SMS", whatsapp: "WhatsApp", messenger: "Messenger", mms: "MMS" };

/** A channel's own name; chat goes without saying. */
export function Channel({ channel }: { channel: string }) {
  if (channel === "chat") return null;
  return <span class="cw-badge">{CHANNELS[channel.toLowerCase()] ?? channel}</span>;
}
