import { useCallback, useMemo } from "react";
import { type ActivityFilter, type TimeBucket, TotalsDocument } from "../api/generated";
import { AsOf, useFreshQuery, useNow } from "../api/fresh";
import { Empty } from "../activity/empty";
import { FilterBar } from "../filter/bar";
import { type Filter, useFilter } from "../filter/filter";
import { BUCKETS, bucketFor, rangeOf } from "../filter/range";
import { moment } from "../filter/range-choice";
import { Unusable } from "../filter/unusable";
import { useWhere } from "../filter/where";
import { go, href, replace, useRoute } from "../route";
import { Failure } from "../ui/failure";
import { Timeline } from "./timeline";
import { Top } from "./top";
import { Totals } from "./totals";

const RANGE = "30d";

/** How much, by whom, where and whence. */
export function Overview() {
  const chosen = useFilter();
  const filter = useMemo(() => ({ range: chosen.from || chosen.to ? undefined : RANGE, ...chosen }), [chosen]);
  const [now, renew] = useNow();
  const wanted = useWhere(filter, now);
  return (
    <>
      <h1 className="hidden">Overview</h1>
      <FilterBar filter={chosen} defaultRange={RANGE}>
        <BucketChoice />
      </FilterBar>
      <Unusable wanted={wanted} />
      <AsOf value={now}>
        {wanted.state === "ready" && <Numbers filter={filter} where={wanted.where} now={now} renew={renew} />}
      </AsOf>
    </>
  );
}

function BucketChoice() {
  const { params } = useRoute();
  const choose = (bucket: string) => replace(href(["overview"], { ...Object.fromEntries(params), bucket }));
  return (
    <label>
      <span className="hidden">Each bar</span>
      <select value={params.get("bucket") ?? ""} onChange={(event) => choose(event.target.value)}>
        <option value="">Automatic</option>
        {Object.entries(BUCKETS).map(([bucket, label]) => <option key={bucket} value={bucket}>{label}</option>)}
      </select>
    </label>
  );
}

function isBucket(text: string | null): text is TimeBucket {
  return text !== null && text in BUCKETS;
}

interface NumbersProps {
  filter: Filter;
  where: ActivityFilter;
  now: Date;
  renew: () => void;
}

function Numbers({ filter, where, now, renew }: NumbersProps) {
  const { params } = useRoute();
  const [{ data, error }, ask] = useFreshQuery({ query: TotalsDocument, variables: { where } });
  const narrow = useCallback(
    (more: Filter) => href(["overview"], { ...filter, bucket: params.get("bucket") ?? undefined, ...more }),
    [filter, params],
  );
  const zoom = useCallback(
    (from: Date, to: Date) => go(narrow({ range: undefined, from: moment(from), to: moment(to) })),
    [narrow],
  );
  if (error && !data) {
    return (
      <div className="stack">
        <Failure error={error} ask={ask} />
        <p><a href={href(["activity"], { ...filter })}>The activities themselves</a></p>
      </div>
    );
  }
  if (!data) return <p className="quiet loading" role="status">Loading …</p>;
  const { activities, firstDate } = data.activityStats;
  if (!activities) return <Empty onFirst={renew} />;
  const span = rangeOf(filter, now) ?? { from: new Date(firstDate ?? now) };
  const wished = params.get("bucket");
  return (
    <div className="stack">
      <Totals where={where} />
      <Timeline where={where} bucket={isBucket(wished) ? wished : bucketFor(span, now)} onSelect={zoom} />
      <div className="tops">
        <Top title="Paths" by="PATH" where={where} to={(page) => narrow({ page })} />
        <Top title="Referrers" by="REFERER_HOST" where={where} to={(referer) => narrow({ referer })} />
        <Top title="People" by="USER" where={where} to={(user) => narrow({ user })} />
        <Top title="Events" by="NAME" where={where} to={(name) => narrow({ name })} />
      </div>
    </div>
  );
}
