import { useQuery } from "urql";
import { useChange } from "../api/change";
import { ActiveSessionsDocument, type ActiveSessionsQuery, EndSessionDocument, type SessionFilter, UserIdsDocument } from "../api/generated";
import { useMore } from "../api/more";
import { href } from "../route";
import { device } from "../ui/device";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Search, useSearch } from "../ui/search";
import { Time } from "../ui/time";

type Session = ActiveSessionsQuery["sessions"]["nodes"][number];

/** The browser sessions of those who have signed in, the newest first. */
export function Sessions() {
  const name = useSearch();
  return (
    <>
      <div className="bar"><Search label="Person’s name begins with" /></div>
      {name ? <Found key={name} name={name} /> : <List where={{ anonymous: false }} />}
    </>
  );
}

/** Those of the people whose names begin like this; of the first fifty. */
function Found({ name }: { name: string }) {
  const [{ data, error }, ask] = useQuery({ query: UserIdsDocument, variables: { startsWith: name } });
  if (error && !data) return <Failure error={error} ask={ask} />;
  if (!data) return <p className="quiet loading" role="status">Loading …</p>;
  const { nodes, pageInfo } = data.users;
  if (!nodes.length) return <Notice>Nobody’s name begins like this.</Notice>;
  return (
    <>
      {pageInfo.hasNextPage && <p className="quiet">There are more people: these are the sessions of the first {nodes.length}.</p>}
      <List where={{ user: { in: nodes.map(({ id }) => id) } }} />
    </>
  );
}

function List({ where }: { where: SessionFilter }) {
  const { pages, more } = useMore();
  return (
    <div className="card list">
      <table className="plain-table">
        <thead>
          <tr><th>Person</th><th>Device</th><th>Began</th><th>Last used</th><th><span className="hidden">End</span></th></tr>
        </thead>
        {pages.map((after) => <Page key={after} where={where} after={after} onMore={after === pages.at(-1) ? more : undefined} />)}
      </table>
    </div>
  );
}

interface PageProps {
  where: SessionFilter;
  after: string | null;
  onMore?: (cursor: string | null) => void;
}

function Page({ where, after, onMore }: PageProps) {
  const [{ data, error }, ask] = useQuery({ query: ActiveSessionsDocument, variables: { where, after } });
  const { hasNextPage, endCursor } = data?.sessions.pageInfo ?? {};
  return (
    <tbody>
      {data?.sessions.nodes.map((session) => <Row key={session.id} session={session} />)}
      {error && !data && <tr><td colSpan={5}><Failure error={error} ask={ask} /></td></tr>}
      {data && !data.sessions.nodes.length && !after && <tr><td colSpan={5} className="quiet">There are none.</td></tr>}
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
