const CHANNELS: Record<string, string> = { sms: "SMS", whatsapp: "WhatsApp", messenger: "Messenger", mms: "MMS" };

/** What a channel calls itself. */
export const channelName = (channel: string): string => CHANNELS[channel.toLowerCase()] ?? channel;

/** A channel's name beside what came by it; chat goes without saying. */
export function Channel({ channel }: { channel: string }) {
  if (channel === "chat") return null;
  return <span class="cw-badge">{channelName(channel)}</span>;
}
