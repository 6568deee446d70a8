import type { ActivityFilter, ActivityRowFragment } from "../api/generated";
import { useFeed } from "../activity/feed";
import { href } from "../route";
import { device } from "../ui/device";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Sentinel } from "../ui/sentinel";
import { duration, Time } from "../ui/time";

/** What somebody did, the newest first, one card for each stretch in one session. */
export function History({ where }: { where: ActivityFilter }) {
  const { rows, hasMore, loading, failed, loadMore, retry } = useFeed(where, { live: true });
  return (
    <section className="stack" aria-label="Timeline by session">
      {stretches(rows).map((stretch) => <Stretch key={stretch[0]?.id} rows={stretch} />)}
      {failed && <Failure error={failed.error} ask={retry} />}
      {loading && <p className="quiet loading" role="status">Loading …</p>}
      {!loading && !rows.length && !failed && <Notice>Nothing has been logged of them yet.</Notice>}
      {hasMore && !loading && !failed && <Sentinel onNear={loadMore} />}
    </section>
  );
}

function stretches(rows: ActivityRowFragment[]): ActivityRowFragment[][] {
  const all: ActivityRowFragment[][] = [];
  for (const row of rows) {
    const last = all.at(-1);
    if (last && last[0]?.session?.id === row.session?.id) last.push(row);
    else all.push([row]);
  }
  return all;
}

function Stretch({ rows }: { rows: ActivityRowFragment[] }) {
  const [newest, oldest] = [rows[0], rows.at(-1)];
  if (!newest || !oldest) return null;
  const { session } = newest;
  const length = Date.parse(newest.date) - Date.parse(oldest.date);
  return (
    <article className="card stretch">
      <h3>
        {session ? <a href={href(["sessions", session.id])} title={session.userAgent}><bdi>{device(session.userAgent)}</bdi></a> : "No session"}
        <span className="quiet"><Time date={oldest.date} />{length > 0 && `, ${duration(length)}`}, {rows.length === 1 ? "1 activity" : `${rows.length} activities`}</span>
      </h3>
      <ol>
        {rows.map(({ id, date, path, name }) => (
          <li key={id}>
            <Time date={date} as="clock" />
            <a href={href(["activity"], { open: id })} title={path}>{name !== "view" && <span className="tag"><bdi>{name}</bdi></span>}<bdi>{path}</bdi></a>
          </li>
        ))}
      </ol>
    </article>
  );
}
