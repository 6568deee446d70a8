import type { ActivityFilter, ActivityRowFragment } from "../api/generated";
import { useFeed } from "../activity/feed";
import { href } from "../route";
import { Failure } from "../ui/failure";
import { Sentinel } from "../ui/sentinel";
import { dayOf, duration, Time } from "../ui/time";

/** What was done, the first step first, and how long each step took to the next. */
export function Journey({ where }: { where: ActivityFilter }) {
  const { rows, hasMore, loading, failed, loadMore, retry } = useFeed(where, { direction: "ASC" });
  return (
    <section className="card journey" aria-label="Journey">
      <ol>
        {rows.map((row, index) => <Step key={row.id} row={row} before={rows[index - 1]} />)}
      </ol>
      {failed && <Failure error={failed.error} ask={retry} />}
      {loading && <p className="quiet" role="status">Loading …</p>}
      {!loading && !rows.length && !failed && <p className="quiet">Nothing was logged in this session.</p>}
      {hasMore && !loading && !failed && <Sentinel onNear={loadMore} />}
    </section>
  );
}

function Step({ row, before }: { row: ActivityRowFragment; before?: ActivityRowFragment }) {
  const { id, date, path, name, user } = row;
  const gap = before && Date.parse(date) - Date.parse(before.date);
  const isNewDay = !before || dayOf(before.date) !== dayOf(date);
  const signsIn = user && before && !before.user;
  return (
    <>
      {isNewDay && <li className="day quiet"><Time date={date} as="day" /></li>}
      <li className="step" data-long={gap && gap > 30 * 60_000 ? true : undefined}>
        <span className="gap quiet">{gap !== undefined && `+ ${duration(gap)}`}</span>
        <Time date={date} as="clock" />
        <a href={href(["activity"], { open: id })} title={path}>
          {name !== "view" && <span className="tag"><bdi>{name}</bdi></span>}
          <bdi>{path}</bdi>
        </a>
        {signsIn && <span className="quiet">signed in as <bdi>{user.username}</bdi></span>}
      </li>
    </>
  );
}
