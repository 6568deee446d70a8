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
  referer?: string;
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
    ...(filter.referer && refererWhere(filter.referer)),
  };
}

function toDate({ from, to }: Span): ActivityFilter["date"] {
  return { gte: from.toISOString(), ...(to && { lt: to.toISOString() }) };
}

/** A host, or the beginning of a URL or path. */
function refererWhere(referer: string): ActivityFilter {
  if (/^(https?:)?\//.test(referer)) return { referer: { startsWith: referer } };
  const origins = [`https://${referer}`, `http://${referer}`];
  return {
    or: [
      { referer: { in: origins } },
      ...origins.map((origin) => ({ referer: { startsWith: `${origin}/` } })),
    ],
  };
}
