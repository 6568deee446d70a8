import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { type ActivityFilter, UserIdDocument } from "../api/generated";
import { type Filter, toWhere } from "./filter";

export type Where =
  | { state: "ready"; where: ActivityFilter; now: Date }
  | { state: "loading" }
  | { state: "unknown"; username: string };

/** A filter as the API takes it: who is named in it is looked up first. */
export function useWhere(filter: Filter): Where {
  const [{ data, fetching }] = useQuery({
    query: UserIdDocument,
    variables: { username: filter.user ?? "" },
    pause: !filter.user,
    requestPolicy: "cache-first",
  });
  const [now] = useState(() => new Date());
  const userId = data?.user?.id;
  const where = useMemo(() => toWhere(filter, filter.user && userId, now), [filter, userId, now]);
  if (!filter.user || userId) return { state: "ready", where, now };
  return fetching ? { state: "loading" } : { state: "unknown", username: filter.user };
}
