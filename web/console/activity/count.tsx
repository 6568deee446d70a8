import { useQuery } from "urql";
import { ActivityCountDocument, type ActivityFilter } from "../api/generated";

/** How many activities the filter lets through, when the view was opened. */
export function Count({ where }: { where: ActivityFilter }) {
  const [{ data }] = useQuery({ query: ActivityCountDocument, variables: { where } });
  if (!data) return null;
  const { totalCount, totalCountCapped } = data.activities;
  return <span className="quiet count">{totalCount.toLocaleString()}{totalCountCapped && "+"} {totalCount === 1 ? "activity" : "activities"}</span>;
}
