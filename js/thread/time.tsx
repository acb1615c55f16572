import { useContext, useEffect, useState } from "preact/hooks";
import { agoName, clock, fullTime, isDate, iso } from "../shared/time";
import { ReadingContext } from "./reading";

/** Milliseconds between two looks at how long ago things were. */
const TICK = 20_000;

const ticking = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all times on the page; it stands still while nobody looks at it. */
function onTick(callback: () => void): () => void {
  ticking.add(callback);
  timer ??= setInterval(() => {
    for (const each of ticking) each();
  }, TICK);
  return () => {
    ticking.delete(callback);
    if (ticking.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How long ago, which renders anew alone, and only when its words change. */
function Ago({ date }: { date: number }) {
  const [words, setWords] = useState(() => agoName(date));
  useEffect(() => {
    setWords(agoName(date));
    return onTick(() => setWords(agoName(date)));
  }, [date]);
  return <>{words}</>;
}

/** When something was, as the thread's `times` says; all of it on hover. */
export function Time({ date, short = false }: { date: number | null; short?: boolean }) {
  const { times } = useContext(ReadingContext);
  if (!isDate(date)) return null;
  return (
    <time class="cw-time" dateTime={iso(date)} title={fullTime(date)}>
      {times === "relative" && !short ? <Ago date={date} /> : clock(date)}
    </time>
  );
}
