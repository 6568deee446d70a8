import { useFreshQuery } from "../api/fresh";
import { ActivityCountDocument, type ActivityFilter } from "../api/generated";
import { problem } from "../api/problem";

/** How many activities the filter lets through. */
export function Count({ where }: { where: ActivityFilter }) {
  const [{ data, error }, ask] = useFreshQuery({ query: ActivityCountDocument, variables: { where } });
  if (data) {
    const { totalCount, totalCountCapped } = data.activities;
    return <span className="quiet count">{totalCount.toLocaleString()}{totalCountCapped && "+"} {totalCount === 1 ? "activity" : "activities"}</span>;
  }
  if (!error) return null;
  return <button className="plain quiet count" title={problem(error)} onClick={() => ask({ requestPolicy: "network-only" })}>Not counted: try again</button>;
}
