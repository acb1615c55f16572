import type { Connection } from "../shared/values";

/** "45 s", "42 min", "3 h", "2 days": as exact as one needs to know. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86_400)} days`;
}

/** How long the token still holds; null where it does not say. */
export function tokenWords(secondsLeft: number | null): string | null {
  if (secondsLeft === null) return null;
  return secondsLeft > 0 ? `token ${duration(secondsLeft)}` : "token expired";
}

/** "18 ms", "1.2 s"; null without a measurement. */
export function latencyWords(seconds: number | null): string | null {
  if (seconds === null || seconds < 0) return null;
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** "connected as dana". */
export const stateWords = (state: Connection, identity: string): string =>
  state === "connected" && identity ? `connected as ${identity}` : state;
