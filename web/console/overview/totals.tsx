import { useFreshQuery } from "../api/fresh";
import { type ActivityFilter, TotalsDocument } from "../api/generated";

const NUMBERS = {
  visitors: ["People", "Who signed in, and sessions in which nobody did"],
  users: ["Signed in", "Different people whom the server has verified"],
  sessions: ["Sessions", "Browsers"],
  activities: ["Activities", "Views and other events"],
} as const;

/** The great numbers. */
export function Totals({ where }: { where: ActivityFilter }) {
  const [{ data }] = useFreshQuery({ query: TotalsDocument, variables: { where } });
  const stats = data?.activityStats;
  if (!stats) return null;
  return (
    <dl className="totals card">
      {(Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]).map((key) => (
        <div key={key} title={NUMBERS[key][1]}>
          <dt>{NUMBERS[key][0]}</dt>
          <dd>{!stats.isExact && key !== "activities" && "≈ "}{stats[key].toLocaleString()}</dd>
        </div>
      ))}
    </dl>
  );
}
