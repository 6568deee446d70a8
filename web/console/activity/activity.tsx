import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ActivityFilter } from "../api/generated";
import { AsOf, useNow } from "../api/fresh";
import { FilterBar } from "../filter/bar";
import { useFilter } from "../filter/filter";
import { Unusable } from "../filter/unusable";
import { useWhere } from "../filter/where";
import { href, parseRoute, replace, useRoute } from "../route";
import { Failure } from "../ui/failure";
import { Sentinel } from "../ui/sentinel";
import { Count } from "./count";
import { Detail } from "./detail";
import { Empty } from "./empty";
import { Export } from "./export";
import { useFeed } from "./feed";
import { LiveButton } from "./live-button";
import { ActivityTable } from "./table";

/** So often what has come is counted, in milliseconds. */
const COUNT_EVERY = 3_000;

/** The log itself, as it grows. */
export function Activity() {
  const filter = useFilter();
  // The list grows from where the last hour began when it was asked for.
  const chosenAt = useMemo(() => new Date(), [filter]);
  const wanted = useWhere(filter, chosenAt);
  const [now, renew] = useNow();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // What has come is counted as well, but not one by one.
  const onNews = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      renew();
    }, COUNT_EVERY);
  }, [renew]);
  const { params } = useRoute();
  const isLive = params.get("live") !== "off";
  const [isBroken, setBroken] = useState(false);
  const toggle = () => replace(href(["activity"], { ...Object.fromEntries(params), live: isLive ? "off" : undefined }));
  return (
    <>
      <h1 className="hidden">Activity</h1>
      <FilterBar filter={filter} defaultRange="all">
        {wanted.state === "ready" && <AsOf value={now}><Count where={wanted.where} /></AsOf>}
        <LiveButton isLive={isLive} isBroken={isBroken} onClick={toggle} />
        {wanted.state === "ready" && <Export where={wanted.where} />}
      </FilterBar>
      <Unusable wanted={wanted} />
      {wanted.state === "ready" && <Log key={JSON.stringify(wanted.where)} where={wanted.where} isLive={isLive} onBroken={setBroken} onNews={onNews} />}
    </>
  );
}

interface LogProps {
  where: ActivityFilter;
  isLive: boolean;
  onBroken: (isBroken: boolean) => void;
  onNews: () => void;
}

function Log({ where, isLive, onBroken, onNews }: LogProps) {
  const { rows, fresh, hasMore, loading, failed, isBroken, loadMore, retry } = useFeed(where, { live: isLive });
  useEffect(() => onBroken(isBroken), [onBroken, isBroken]);
  const newest = rows[0]?.id;
  useEffect(() => {
    if (newest) onNews();
  }, [newest, onNews]);
  const { params } = useRoute();
  const open = params.get("open");
  const show = useCallback((id?: string) => {
    const { params } = parseRoute(location.hash);
    params.delete("open");
    replace(href(["activity"], { ...Object.fromEntries(params), open: id }));
  }, []);
  const close = useCallback(() => {
    const row = document.querySelector<HTMLElement>(".log tr[data-open] button");
    show();
    (row ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }, [show]);
  return (
    <div className="split">
      <div>
        {rows.length > 0 && <ActivityTable rows={rows} fresh={fresh} open={open} onOpen={show} />}
        {failed && <Failure error={failed.error} ask={retry} />}
        {!rows.length && !loading && !failed && <Empty />}
        {loading && <p className="quiet loading" role="status">Loading …</p>}
        {hasMore && !loading && !failed && <Sentinel onNear={loadMore} />}
        {!hasMore && rows.length > 100 && <p className="quiet loading">That is all.</p>}
      </div>
      {open && <Detail id={open} known={rows.find(({ id }) => id === open)} onClose={close} />}
    </div>
  );
}
