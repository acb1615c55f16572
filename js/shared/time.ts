/** Dates of messages, in the reader's own language and time zone. Every function takes milliseconds since the epoch. */

const FARTHEST = 8.64e15; // what a Date can hold

/** Whether a Date can be made of it: a hostile timestamp must not throw while a row renders. */
export const isDate = (ms: number | null): ms is number => ms !== null && Math.abs(ms) <= FARTHEST;

type Format = (ms: number) => string;

/* @__NO_SIDE_EFFECTS__ */
function format(options: Intl.DateTimeFormatOptions): Format {
  const { format } = new Intl.DateTimeFormat(undefined, options);
  return (ms) => format(ms);
}

/** Without the year where it is this year's. */
/* @__NO_SIDE_EFFECTS__ */
function dated(options: Intl.DateTimeFormatOptions): (ms: number, now: number) => string {
  const near = format(options);
  const far = format({ ...options, year: "numeric" });
  return (ms, now) => (new Date(ms).getFullYear() === new Date(now).getFullYear() ? near : far)(ms);
}

/** Hours and minutes, "09:08". */
export const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Date, time to the second and zone: what a reader sees when pointing at a time. */
export const fullTime = format({ dateStyle: "full", timeStyle: "long" });

export const iso = (ms: number): string => new Date(ms).toISOString();

/** The same number for all moments of one local day. */
export function dayOf(ms: number): number {
  const date = new Date(ms);
  return (date.getFullYear() * 12 + date.getMonth()) * 31 + date.getDate();
}

const day = dated({ weekday: "long", day: "numeric", month: "long" });

/** "Today", "Yesterday", "Thursday 19 November", or with the year when it is not this year's. */
export function dayName(ms: number, now: number = Date.now()): string {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayOf(ms) === dayOf(now)) return "Today";
  if (dayOf(ms) === dayOf(yesterday.getTime())) return "Yesterday";
  return day(ms, now);
}

const weekday = format({ weekday: "short" });
const date = dated({ day: "numeric", month: "short" });

/** As short as it can be: "09:11" today, "Wed" within a week, "19 Nov", or with the year when it is not this year's. */
export function whenName(ms: number, now: number = Date.now()): string {
  if (dayOf(ms) === dayOf(now)) return clock(ms);
  if (ms < now && now - ms < 6 * 86_400_000) return weekday(ms);
  return date(ms, now);
}

const agoFormat = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const STEPS = [
  ["minute", 60_000, 60],
  ["hour", 3_600_000, 24],
  ["day", 86_400_000, 7],
] as const;

/** How long ago: "now", "5 min. ago", "yesterday"; the date when it is more than a week. */
export function agoName(ms: number, now: number = Date.now()): string {
  const past = Math.max(0, now - ms); // a clock that is ahead of ours is no news from the future
  if (past < 45_000) return agoFormat.format(0, "second");
  for (const [unit, length, most] of STEPS) {
    const count = Math.round(past / length);
    if (count < most) return agoFormat.format(-count, unit);
  }
  return whenName(ms, now);
}
