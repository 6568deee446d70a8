import type { TimeBucket } from "../api/generated";
import type { Filter } from "./filter";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A stretch of time; without an end it reaches to now and goes on. */
export interface Span {
  from: Date;
  to?: Date;
}

export const RANGES: Record<string, string> = {
  "1h": "Last hour",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
  "90d": "Last 90 days",
  "365d": "Last 12 months",
  all: "All time",
};

export const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What a filter's range means now; undefined: all time. */
export function rangeOf(filter: Filter, now: Date): Span | undefined {
  const from = dateOf(filter.from);
  const to = dateOf(filter.to);
  if (from || to) return { from: from ?? new Date(0), to };
  const [, count, unit] = /^(\d+)([hd])$/.exec(filter.range ?? "") ?? [];
  if (!count) return undefined;
  if (unit === "h") return { from: new Date(now.getTime() - Number(count) * HOUR) };
  // Whole days by the viewer's clock, today among them.
  return { from: new Date(now.getFullYear(), now.getMonth(), now.getDate() - Number(count) + 1) };
}

function dateOf(text: string | undefined): Date | undefined {
  if (!text) return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

export const BUCKETS: Record<TimeBucket, string> = {
  MINUTE: "By minute",
  HOUR: "By hour",
  DAY: "By day",
  WEEK: "By week",
  MONTH: "By month",
};

/** So many buckets as an eye can take in. */
export function bucketFor({ from, to }: Span, now: Date): TimeBucket {
  const length = (to ?? now).getTime() - from.getTime();
  if (length <= 3 * HOUR) return "MINUTE";
  if (length <= 8 * DAY) return "HOUR";
  if (length <= 120 * DAY) return "DAY";
  if (length <= 730 * DAY) return "WEEK";
  return "MONTH";
}
