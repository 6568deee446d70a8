import { useCallback, useEffect, useReducer, useRef } from "react";
import { type CombinedError, useClient, useSubscription } from "urql";
import { reconnections } from "../api/client";
import {
  ActivitiesDocument,
  type ActivitiesQuery,
  type ActivityFilter,
  ActivityLoggedDocument,
  type ActivityRowFragment,
  type OrderDirection,
} from "../api/generated";

type Page = ActivitiesQuery["activities"];

interface State {
  rows: ActivityRowFragment[];
  /** What came live, to be shown as such. */
  fresh: ReadonlySet<string>;
  endCursor: string | null;
  hasMore: boolean;
  loading: boolean;
  error?: CombinedError;
}

type Action =
  | { type: "loading" }
  | { type: "page"; page: Page }
  | { type: "newest"; page: Page }
  | { type: "logged"; row: ActivityRowFragment }
  | { type: "failed"; error: CombinedError };

const EMPTY: State = { rows: [], fresh: new Set(), endCursor: null, hasMore: true, loading: true };

function isNewer(a: ActivityRowFragment, b: ActivityRowFragment): boolean {
  const [left, right] = [Date.parse(a.date), Date.parse(b.date)];
  return left > right || (left === right && a.id > b.id);
}

function insert(rows: ActivityRowFragment[], row: ActivityRowFragment): ActivityRowFragment[] {
  if (rows.some(({ id }) => id === row.id)) return rows;
  const index = rows.findIndex((other) => isNewer(row, other));
  return index < 0 ? [...rows, row] : rows.toSpliced(index, 0, row);
}

function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "loading":
      return { ...state, loading: true, error: undefined };
    case "failed":
      return { ...state, loading: false, error: action.error };
    case "page":
      return { ...shown(state, action.page), rows: append(state.rows, action.page.nodes) };
    case "newest": {
      // If nothing of it is known, something in between may have been missed: start anew.
      const known = action.page.nodes.some(({ id }) => state.rows.some((row) => row.id === id));
      if (!known) return { ...shown(state, action.page), rows: action.page.nodes };
      return { ...state, rows: action.page.nodes.reduce(insert, state.rows), loading: false };
    }
    case "logged": {
      const last = state.rows.at(-1);
      // It will come with its page.
      if (state.hasMore && last && !isNewer(action.row, last)) return state;
      const fresh = new Set(state.fresh).add(action.row.id);
      return { ...state, rows: insert(state.rows, action.row), fresh };
    }
  }
}

function shown(state: State, { pageInfo }: Page): State {
  const { endCursor, hasNextPage } = pageInfo;
  return { ...state, endCursor, hasMore: hasNextPage, loading: false, error: undefined };
}

function append(rows: ActivityRowFragment[], more: ActivityRowFragment[]): ActivityRowFragment[] {
  const known = new Set(rows.map(({ id }) => id));
  return [...rows, ...more.filter(({ id }) => !known.has(id))];
}

export interface Feed extends State {
  loadMore: () => void;
}

/** Activities page by page, and those that are logged meanwhile. Another filter needs another component (by its key). */
export function useFeed(where: ActivityFilter, { live = false, direction = "DESC" as OrderDirection } = {}): Feed {
  const client = useClient();
  const [state, dispatch] = useReducer(reduce, EMPTY);

  const load = useCallback(
    async (type: "page" | "newest", after: string | null) => {
      dispatch({ type: "loading" });
      const variables = { where, after, orderBy: { field: "DATE" as const, direction } };
      const answer = client.query(ActivitiesDocument, variables, { requestPolicy: "network-only" });
      const { data, error } = await answer.toPromise();
      if (data) dispatch({ type, page: data.activities });
      else if (error) dispatch({ type: "failed", error });
    },
    [client, where, direction],
  );

  useEffect(() => void load("page", null), [load]);

  const catchUp = useCallback(() => void load("newest", null), [load]);
  const wasPaused = useRef(false);
  useEffect(() => {
    if (live && wasPaused.current) catchUp();
    wasPaused.current = !live;
    if (!live) return;
    reconnections.addEventListener("reconnected", catchUp);
    return () => reconnections.removeEventListener("reconnected", catchUp);
  }, [live, catchUp]);

  const watched = { query: ActivityLoggedDocument, variables: { where }, pause: !live };
  const [{ error: lag }] = useSubscription(watched, (_, { activityLogged }) => {
    dispatch({ type: "logged", row: activityLogged });
    return { activityLogged };
  });
  // It came too fast, and some of it was left out.
  useEffect(() => {
    if (lag?.graphQLErrors.some(({ extensions }) => extensions.code === "LAGGED")) catchUp();
  }, [lag, catchUp]);

  const { endCursor, hasMore, loading } = state;
  const loadMore = useCallback(() => {
    if (hasMore && !loading) void load("page", endCursor);
  }, [load, endCursor, hasMore, loading]);
  return { ...state, loadMore };
}
