import type { ActivityFilter } from "../api/generated";
import { type Params, useRoute } from "../route";
import { useMemo } from "react";
import { rangeOf, type Span } from "./range";

/** What a view is narrowed to, as it stands in the address. */
export interface Filter {
  range?: string;
  from?: string;
  to?: string;
  user?: string;
  /** The path itself. */
  page?: string;
  /** What the path starts with. */
  path?: string;
  /** The referrer's host, or what it starts with. */
  referer?: string;
  /** The referrer itself. */
  source?: string;
  name?: string;
  session?: string;
  ip?: string;
  anonymous?: string;
}

export type Field = Exclude<keyof Filter, "range" | "from" | "to">;

export const LABELS: Record<Field, string> = {
  path: "Path starts with",
  page: "Path is",
  user: "Person",
  name: "Event",
  referer: "Referrer",
  source: "Referrer is",
  ip: "Address",
  session: "Session",
  anonymous: "Signed in",
};

export const FIELDS = Object.keys(LABELS) as Field[];
const KEYS: (keyof Filter)[] = ["range", "from", "to", ...FIELDS];

export function readFilter(params: URLSearchParams): Filter {
  return Object.fromEntries(KEYS.flatMap((key) => params.get(key)?.trim() ? [[key, params.get(key)?.trim()]] : []));
}

export function toParams(filter: Filter): Params {
  return { ...filter };
}

export function useFilter(): Filter {
  const { params } = useRoute();
  const text = JSON.stringify(readFilter(params));
  // Something else in the address is no other filter.
  return useMemo(() => JSON.parse(text) as Filter, [text]);
}

/** What the API is asked for. A person's name has been looked up: `userId`. */
export function toWhere(filter: Filter, userId: string | undefined, now: Date): ActivityFilter {
  const span = rangeOf(filter, now);
  return {
    ...(span && { date: toDate(span) }),
    ...(userId && { user: { eq: userId } }),
    ...((filter.path || filter.page) && { path: { startsWith: filter.path, eq: filter.page } }),
    ...(filter.name && { name: { eq: filter.name } }),
    ...(filter.ip && { ipAddress: { eq: filter.ip } }),
    ...(filter.session && { session: { eq: filter.session } }),
    ...(filter.anonymous && { anonymous: filter.anonymous === "yes" }),
    ...(filter.source && { referer: { eq: filter.source } }),
    ...(filter.referer && { and: [refererWhere(filter.referer)] }),
  };
}

function toDate({ from, to }: Span): ActivityFilter["date"] {
  return { gte: from.toISOString(), ...(to && { lt: to.toISOString() }) };
}

/** Those of which referrers are. */
const SCHEMES = ["https", "http", "android-app"];
/** What may come after the host. */
const ENDS = ["/", ":", "?", "#"];

/** A host, with or without its port, or the beginning of a URL or path. */
function refererWhere(referer: string): ActivityFilter {
  if (/^([a-z][a-z0-9+.-]*:)?\//i.test(referer)) return { referer: { startsWith: referer } };
  const origins = SCHEMES.map((scheme) => `${scheme}://${referer}`);
  const longer = origins.flatMap((origin) => ENDS.map((end) => ({ referer: { startsWith: origin + end } })));
  return { or: [{ referer: { in: origins } }, ...longer] };
}
