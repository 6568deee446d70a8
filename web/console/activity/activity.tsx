import { useCallback } from "react";
import type { ActivityFilter } from "../api/generated";
import { problem } from "../api/problem";
import { FilterBar } from "../filter/bar";
import { useFilter } from "../filter/filter";
import { useWhere } from "../filter/where";
import { href, parseRoute, replace, useRoute } from "../route";
import { Notice } from "../ui/notice";
import { Sentinel } from "../ui/sentinel";
import { Count } from "./count";
import { Detail } from "./detail";
import { Export } from "./export";
import { FirstEvent } from "./first-event";
import { useFeed } from "./feed";
import { ActivityTable } from "./table";

/** The log itself, as it grows. */
export function Activity() {
  const filter = useFilter();
  const wanted = useWhere(filter);
  const { params } = useRoute();
  const isLive = params.get("live") !== "off";
  const toggle = () => replace(href(["activity"], { ...Object.fromEntries(params), live: isLive ? "off" : undefined }));
  const isFiltered = Object.keys(filter).some((key) => key !== "range" || filter.range !== "all");
  return (
    <>
      <h1 className="hidden">Activity</h1>
      <FilterBar filter={filter} defaultRange="all">
        {wanted.state === "ready" && <Count where={wanted.where} />}
        <button className="live" aria-pressed={isLive} onClick={toggle}>{isLive ? "Live" : "Paused"}</button>
        {wanted.state === "ready" && <Export where={wanted.where} />}
      </FilterBar>
      {wanted.state === "unknown" && <Notice>Nobody here is called <bdi>{wanted.username}</bdi>.</Notice>}
      {wanted.state === "ready" && <Log key={JSON.stringify(wanted.where)} where={wanted.where} isLive={isLive} isFiltered={isFiltered} />}
    </>
  );
}

interface LogProps {
  where: ActivityFilter;
  isLive: boolean;
  isFiltered: boolean;
}

function Log({ where, isLive, isFiltered }: LogProps) {
  const { rows, fresh, hasMore, loading, error, loadMore } = useFeed(where, { live: isLive });
  const { params } = useRoute();
  const open = params.get("open");
  const show = useCallback((id?: string) => {
    const { params } = parseRoute(location.hash);
    params.delete("open");
    replace(href(["activity"], { ...Object.fromEntries(params), open: id }));
  }, []);
  const close = useCallback(() => show(), [show]);
  const isEmpty = !rows.length && !loading && !error;
  return (
    <div className="split">
      <div>
        {rows.length > 0 && <ActivityTable rows={rows} fresh={fresh} open={open} onOpen={show} />}
        {error && <Notice kind="error">{problem(error)}</Notice>}
        {isEmpty && (isFiltered ? <Notice>Nothing is like this.</Notice> : <FirstEvent />)}
        {loading && <p className="quiet loading" role="status">Loading …</p>}
        {hasMore && !loading && !error && <Sentinel onNear={loadMore} />}
        {!hasMore && rows.length > 100 && <p className="quiet loading">That is all.</p>}
      </div>
      {open && <Detail id={open} known={rows.find(({ id }) => id === open)} onClose={close} />}
    </div>
  );
}
