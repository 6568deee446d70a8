import { useMemo } from "react";
import { type ActivityFilter, type BucketFragment, type TimeBucket, TimelineDocument } from "../api/generated";
import { useFreshQuery } from "../api/fresh";
import { TIME_ZONE } from "../filter/range";
import { Failure } from "../ui/failure";
import { Time } from "../ui/time";
import { Plot } from "./plot";

interface TimelineProps {
  where: ActivityFilter;
  bucket: TimeBucket;
  /** Of one person there is no more to see. */
  withPeople?: boolean;
  onSelect: (from: Date, to: Date) => void;
}

/** Activity and people over time, by the viewer's clock. */
export function Timeline({ where, bucket, withPeople = true, onSelect }: TimelineProps) {
  const variables = { where, bucket, timeZone: TIME_ZONE };
  const [{ data, error }, ask] = useFreshQuery({ query: TimelineDocument, variables });
  if (error && !data) return <Failure error={error} ask={ask} />;
  if (!data) return <div className="card charts" aria-busy="true" />;
  const buckets = data.activityStats.timeline;
  if (!buckets.length) return null;
  return (
    <section className="card charts" aria-label="Over time">
      <Charts buckets={buckets} withPeople={withPeople} onSelect={onSelect} />
      <details>
        <summary>As a table</summary>
        <BucketTable buckets={buckets} onSelect={onSelect} />
      </details>
    </section>
  );
}

function Charts({ buckets, withPeople, onSelect }: { buckets: BucketFragment[] } & Pick<TimelineProps, "withPeople" | "onSelect">) {
  const { starts, end, activity, people } = useMemo(() => {
    const values = (key: "activities" | "users" | "sessions") => buckets.map((bucket) => bucket[key]);
    return {
      starts: buckets.map(({ start }) => Date.parse(start) / 1000),
      end: Date.parse(buckets.at(-1)?.end ?? "") / 1000,
      activity: [{ label: "Activities", color: "--chart" as const, values: values("activities") }],
      people: [
        { label: "Sessions", color: "--second" as const, values: values("sessions") },
        { label: "People signed in", color: "--chart" as const, values: values("users") },
      ],
    };
  }, [buckets]);
  return (
    <>
      <Plot starts={starts} end={end} series={activity} height={180} onSelect={onSelect} />
      {withPeople && <Plot starts={starts} end={end} series={people} height={120} onSelect={onSelect} />}
    </>
  );
}

function BucketTable({ buckets, onSelect }: { buckets: BucketFragment[]; onSelect: TimelineProps["onSelect"] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Over time, as a table">
      <table className="plain-table">
        <thead>
          <tr>
            <th>From</th>
            <th className="number">Activities</th>
            <th className="number">People signed in</th>
            <th className="number">Sessions</th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(({ start, end, activities, users, sessions }) => (
            <tr key={start}>
              <td><button className="plain" onClick={() => onSelect(new Date(start), new Date(end))}><Time date={start} /></button></td>
              <td className="number">{activities.toLocaleString()}</td>
              <td className="number">{users.toLocaleString()}</td>
              <td className="number">{sessions.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
