import { useQuery } from "urql";
import { useChange } from "../api/change";
import { ActiveSessionsDocument, type ActiveSessionsQuery, EndSessionDocument } from "../api/generated";
import { useMore } from "../api/more";
import { problem } from "../api/problem";
import { href } from "../route";
import { device } from "../ui/device";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";

type Session = ActiveSessionsQuery["sessions"]["nodes"][number];

/** The browser sessions of those who have signed in, the newest first. */
export function Sessions() {
  const { pages, more } = useMore();
  return (
    <div className="card list">
      <table className="plain-table">
        <thead>
          <tr><th>Person</th><th>Device</th><th>Began</th><th>Last used</th><th><span className="hidden">End</span></th></tr>
        </thead>
        {pages.map((after) => <Page key={after} after={after} onMore={after === pages.at(-1) ? more : undefined} />)}
      </table>
    </div>
  );
}

function Page({ after, onMore }: { after: string | null; onMore?: (cursor: string | null) => void }) {
  const [{ data, error }] = useQuery({ query: ActiveSessionsDocument, variables: { where: { anonymous: false }, after } });
  const { hasNextPage, endCursor } = data?.sessions.pageInfo ?? {};
  return (
    <tbody>
      {data?.sessions.nodes.map((session) => <Row key={session.id} session={session} />)}
      {error && !data && <tr><td colSpan={5}><Notice>{problem(error)}</Notice></td></tr>}
      {onMore && hasNextPage && <tr><td colSpan={5}><button onClick={() => onMore(endCursor ?? null)}>More</button></td></tr>}
    </tbody>
  );
}

function Row({ session: { id, user, userAgent, firstSeenAt, lastSeenAt, isActive } }: { session: Session }) {
  const { change, refusal } = useChange(EndSessionDocument);
  return (
    <tr>
      <td>{user && <a href={href(["people", user.username])}><bdi>{user.username}</bdi></a>}</td>
      <td><a className="quiet" href={href(["sessions", id])} title={userAgent}><bdi>{device(userAgent)}</bdi></a></td>
      <td className="quiet"><Time date={firstSeenAt} /></td>
      <td className="quiet"><Time date={lastSeenAt} as="ago" /></td>
      <td className="number">
        {isActive ? <button className="small danger" onClick={() => void change({ input: { id } })}>End</button> : <span className="quiet">ended</span>}
        {refusal && <Notice kind="error">{refusal}</Notice>}
      </td>
    </tr>
  );
}
