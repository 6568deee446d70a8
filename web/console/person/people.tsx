import { useQuery } from "urql";
import { PeopleDocument } from "../api/generated";
import { useMore } from "../api/more";
import { href } from "../route";
import { Failure } from "../ui/failure";
import { Search, useSearch } from "../ui/search";
import { Time } from "../ui/time";

/** Who is known here. */
export function People() {
  const name = useSearch();
  return (
    <>
      <h1 className="hidden">People</h1>
      <div className="bar"><Search label="Name begins with" /></div>
      <List key={name} name={name} />
    </>
  );
}

function List({ name }: { name: string }) {
  const { pages, more } = useMore();
  return (
    <div className="card list">
      <table className="plain-table">
        <thead>
          <tr><th>Name</th><th>Role</th><th>Last seen</th><th>Known since</th></tr>
        </thead>
        {pages.map((after) => <Page key={after} name={name} after={after} onMore={after === pages.at(-1) ? more : undefined} />)}
      </table>
    </div>
  );
}

interface PageProps {
  name: string;
  after: string | null;
  onMore?: (cursor: string | null) => void;
}

function Page({ name, after, onMore }: PageProps) {
  const where = name ? { username: { startsWith: name } } : {};
  const [{ data, error }, ask] = useQuery({ query: PeopleDocument, variables: { where, after } });
  const users = data?.users;
  return (
    <tbody>
      {users?.nodes.map(({ id, username, role, active, createdAt, lastSeenAt }) => (
        <tr key={id}>
          <td><a href={href(["people", username])}><bdi>{username}</bdi></a>{!active && <span className="tag after">disabled</span>}</td>
          <td className="quiet">{role.toLowerCase()}</td>
          <td className="quiet">{lastSeenAt ? <Time date={lastSeenAt} as="ago" /> : "never"}</td>
          <td className="quiet"><Time date={createdAt} /></td>
        </tr>
      ))}
      {error && !data && <tr><td colSpan={4}><Failure error={error} ask={ask} /></td></tr>}
      {users && !users.nodes.length && !after && <tr><td colSpan={4} className="quiet">{name ? "Nobody’s name begins like this." : "Nobody is known here."}</td></tr>}
      {onMore && users?.pageInfo.hasNextPage && (
        <tr><td colSpan={4}><button onClick={() => onMore(users.pageInfo.endCursor)}>More</button></td></tr>
      )}
    </tbody>
  );
}
