import { useCallback, useEffect, useReducer, useRef } from "react";
import { useClient } from "urql";
import { ActivitiesDocument, type ActivityFilter, type ActivityRowFragment, type OrderDirection } from "../api/generated";
import { EMPTY, type From, reduce, type Rows } from "./rows";
import { useWatch } from "./watch";

export interface Feed extends Rows {
  /** Whether nothing comes live just now, though it should. */
  isBroken: boolean;
  loadMore: () => void;
  /** Asks again for what has failed. */
  retry: () => void;
}

/** Nearer to the top than this, in pixels, one looks at what comes. */
const TOP = 200;
/** So long after it was asked to, the server watches, in milliseconds. */
const SETTLED = 2_000;

/** Activities page by page, and those that are logged meanwhile. Another filter needs another component (by its key). */
export function useFeed(where: ActivityFilter, { live = false, direction = "DESC" as OrderDirection } = {}): Feed {
  const client = useClient();
  const [state, dispatch] = useReducer(reduce, EMPTY);
  const newest = useRef<ActivityRowFragment>(undefined);
  newest.current = state.rows.find(isPast);

  const ask = useCallback(
    async ({ after, until }: From) => {
      const bounded = until ? { and: [where, { date: { lte: until } }] } : where;
      const variables = { where: bounded, after, orderBy: { field: "DATE" as const, direction } };
      return client.query(ActivitiesDocument, variables, { requestPolicy: "network-only" }).toPromise();
    },
    [client, where, direction],
  );

  const load = useCallback(
    async (from: From) => {
      dispatch({ type: "loading" });
      const { data, error } = await ask(from);
      if (data) dispatch({ type: "page", page: data.activities, from });
      else if (error) dispatch({ type: "failed", what: "page", error, from });
    },
    [ask],
  );
  useEffect(() => void load({ after: null }), [load]);

  const catchUp = useCallback(
    async (mark: ActivityRowFragment | undefined) => {
      const { data, error } = await ask({ after: null });
      if (data) dispatch({ type: "newest", page: data.activities, mark });
      else if (error) dispatch({ type: "failed", what: "newest", error });
      return data?.activities.nodes.find(isPast) ?? mark;
    },
    [ask],
  );
  const onGap = useCallback(async () => {
    // What is older than this was seen; what comes from now on proves nothing.
    const mark = await catchUp(newest.current);
    // What was logged after this answer and before the server began to watch is in neither.
    setTimeout(() => void catchUp(mark), SETTLED);
  }, [catchUp]);

  const onRows = useCallback((rows: ActivityRowFragment[]) => dispatch({ type: "logged", rows, isAtTop: window.scrollY < TOP }), []);
  const isBroken = useWatch(where, live, { onRows, onGap: () => void onGap() });

  const { from, hasMore, loading, failed } = state;
  const loadMore = useCallback(() => {
    if (hasMore && !loading) void load(from);
  }, [load, from, hasMore, loading]);
  const retry = useCallback(() => void (failed?.what === "newest" ? onGap() : load(from)), [onGap, load, from, failed]);
  return { ...state, isBroken, loadMore, retry };
}

/** Whether a row is a mark of time: a clock that is fast dates one ahead of all that come meanwhile. */
function isPast({ date, receivedAt }: ActivityRowFragment): boolean {
  return Date.parse(date) <= Date.parse(receivedAt);
}
