import { memo } from "react";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

const FORMATS = { clock: CLOCK, day: DAY, short: SHORT, full: FULL };

/** A point in time by the viewer's clock; all of it when pointed at. */
export const Time = memo(function Time({ date, as = "short" }: { date: string; as?: keyof typeof FORMATS | "ago" }) {
  const value = new Date(date);
  return (
    <time dateTime={date} title={FULL.format(value)}>
      {as === "ago" ? ago(value) : FORMATS[as].format(value)}
    </time>
  );
});

/** The day of it, for grouping: the same text for the same day. */
export function dayOf(date: string): string {
  return DAY.format(new Date(date));
}

const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

function ago(date: Date): string {
  const seconds = (Date.now() - date.getTime()) / 1000;
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return AGO.format(-Math.floor(seconds / length), unit);
  }
  return AGO.format(0, "second");
}

/** How long something took: `3 min 20 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 1) return `${Math.round(milliseconds)} ms`;
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}
