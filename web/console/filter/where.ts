import { useMemo } from "react";
import { type CombinedError, useQuery } from "urql";
import { type ActivityFilter, UserIdDocument } from "../api/generated";
import { type Filter, toWhere } from "./filter";

export type Where =
  | { state: "ready"; where: ActivityFilter }
  | { state: "loading" }
  | { state: "unknown"; username: string }
  | { state: "failed"; error: CombinedError; ask: (options?: { requestPolicy: "network-only" }) => void };

/** A filter as the API takes it at a moment: who is named in it is looked up first. */
export function useWhere(filter: Filter, now: Date): Where {
  const [{ data, error, fetching }, ask] = useQuery({
    query: UserIdDocument,
    variables: { username: filter.user ?? "" },
    pause: !filter.user,
    requestPolicy: "cache-first",
  });
  const userId = filter.user && data?.user?.username.toLowerCase() === filter.user.toLowerCase() ? data.user.id : undefined;
  const text = JSON.stringify(toWhere(filter, userId, now));
  // The next moment need not be another filter.
  const where = useMemo(() => JSON.parse(text) as ActivityFilter, [text]);
  if (!filter.user || userId) return { state: "ready", where };
  if (fetching) return { state: "loading" };
  return error ? { state: "failed", error, ask } : { state: "unknown", username: filter.user };
}
