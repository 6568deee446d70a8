import type { CombinedError } from "urql";
import type { ActivitiesQuery, ActivityRowFragment } from "../api/generated";

type Page = ActivitiesQuery["activities"];

/** From where on a page was asked for. */
export interface From {
  after: string | null;
  /** Only what is as old, if the list has been cut there. */
  until?: string;
}

export interface Rows {
  rows: ActivityRowFragment[];
  /** What came live, to be shown as such. */
  fresh: ReadonlySet<string>;
  /** Where the next page begins. */
  from: From;
  hasMore: boolean;
  loading: boolean;
  /** What could not be had, and why. */
  failed?: { what: "page" | "newest"; error: CombinedError };
}

export type Action =
  | { type: "loading" }
  | { type: "page"; page: Page; from: From }
  | { type: "newest"; page: Page; mark?: ActivityRowFragment }
  | { type: "logged"; rows: ActivityRowFragment[]; isAtTop: boolean }
  | { type: "failed"; what: "page" | "newest"; error: CombinedError; from?: From };

export const EMPTY: Rows = { rows: [], fresh: new Set(), from: { after: null }, hasMore: true, loading: true };

/** Who looks at the beginning of a list does not look at more than so many rows. */
const MOST = 400;
const KEPT = 200;

export function reduce(state: Rows, action: Action): Rows {
  switch (action.type) {
    case "loading":
      return { ...state, loading: true, failed: undefined };
    case "failed":
      if (action.from && !isNext(state, action.from)) return state;
      return { ...state, loading: false, failed: action };
    case "page":
      // The list begins anew since it was asked for.
      if (!isNext(state, action.from)) return state;
      return { ...continued(state, action.page, action.from), rows: append(state.rows, action.page.nodes) };
    case "newest": {
      const { page, mark } = action;
      const last = page.nodes.at(-1);
      const isWhole = !page.pageInfo.hasNextPage || (mark && last && !isNewer(last, mark));
      if (isWhole) return { ...state, rows: page.nodes.reduce(insert, state.rows), failed: undefined };
      // Between what it holds and what is known something may lie: begin anew.
      return { ...continued(state, page, { after: null }), rows: page.nodes };
    }
    case "logged": {
      const last = state.rows.at(-1);
      // What is older than the last row will come with its page.
      const news = action.rows.filter((row) => !state.hasMore || !last || isNewer(row, last));
      const rows = news.reduce(insert, state.rows);
      const fresh = new Set([...state.fresh, ...news.map(({ id }) => id)]);
      return action.isAtTop && rows.length > MOST ? cut({ ...state, rows, fresh }) : { ...state, rows, fresh };
    }
  }
}

function isNext({ from }: Rows, { after, until }: From): boolean {
  return from.after === after && from.until === until;
}

function continued(state: Rows, { pageInfo }: Page, { until }: From): Rows {
  const from = { after: pageInfo.endCursor, until };
  return { ...state, from, hasMore: pageInfo.hasNextPage, loading: false, failed: undefined };
}

/** Forgets the end of the list; what comes after the new one is asked for by its date. */
function cut(state: Rows): Rows {
  const rows = state.rows.slice(0, KEPT);
  const ids = new Set(rows.map(({ id }) => id));
  const fresh = new Set([...state.fresh].filter((id) => ids.has(id)));
  return { ...state, rows, fresh, from: { after: null, until: rows.at(-1)?.date }, hasMore: true, loading: false };
}

function isNewer(a: ActivityRowFragment, b: ActivityRowFragment): boolean {
  const [left, right] = [Date.parse(a.date), Date.parse(b.date)];
  return left > right || (left === right && a.id > b.id);
}

function insert(rows: ActivityRowFragment[], row: ActivityRowFragment): ActivityRowFragment[] {
  if (rows.some(({ id }) => id === row.id)) return rows;
  const index = rows.findIndex((other) => isNewer(row, other));
  return index < 0 ? [...rows, row] : rows.toSpliced(index, 0, row);
}

function append(rows: ActivityRowFragment[], more: ActivityRowFragment[]): ActivityRowFragment[] {
  const known = new Set(rows.map(({ id }) => id));
  return [...rows, ...more.filter(({ id }) => !known.has(id))];
}
