import { useQuery } from "urql";
import { PeopleDocument, type PersonFragment } from "../api/generated";
import { useMore } from "../api/more";
import { href } from "../route";
import { Menu } from "../ui/menu";
import { Failure } from "../ui/failure";
import { Search, useSearch } from "../ui/search";
import { Time } from "../ui/time";
import { NewUser } from "./new-user";
import { UserForm } from "./user-form";

/** Everybody, the newest first, and a panel for the one who is chosen. */
export function Users({ chosen }: { chosen?: string }) {
  const name = useSearch();
  const [{ data }] = useQuery({ query: PeopleDocument, variables: { where: { username: { eq: chosen ?? "" } } }, pause: !chosen });
  const user = chosen ? data?.users.nodes.find(({ username }) => username === chosen) : undefined;
  return (
    <div className="split">
      <div className="stack">
        <div className="bar">
          <Search label="Name begins with" />
          <span className="spring" />
          <Menu label="New user">{(close) => <NewUser onDone={close} />}</Menu>
        </div>
        <List key={name} name={name} chosen={chosen} />
      </div>
      {user && <UserForm key={user.id} user={user} />}
    </div>
  );
}

function List({ name, chosen }: { name: string; chosen?: string }) {
  const { pages, more } = useMore();
  return (
    <div className="card list">
      <table className="plain-table">
        <thead>
          <tr><th>Name</th><th>Role</th><th>Last seen</th><th><span className="hidden">Change</span></th></tr>
        </thead>
        {pages.map((after) => <Page key={after} name={name} after={after} chosen={chosen} onMore={after === pages.at(-1) ? more : undefined} />)}
      </table>
    </div>
  );
}

interface PageProps {
  name: string;
  after: string | null;
  chosen?: string;
  onMore?: (cursor: string | null) => void;
}

function Page({ name, after, chosen, onMore }: PageProps) {
  const orderBy = { field: "CREATED_AT" as const, direction: "DESC" as const };
  const where = name ? { username: { startsWith: name } } : {};
  const [{ data, error }, ask] = useQuery({ query: PeopleDocument, variables: { where, after, orderBy } });
  const { hasNextPage, endCursor } = data?.users.pageInfo ?? {};
  return (
    <tbody>
      {data?.users.nodes.map((user) => <Row key={user.id} user={user} isOpen={user.username === chosen} />)}
      {error && !data && <tr><td colSpan={4}><Failure error={error} ask={ask} /></td></tr>}
      {data && !data.users.nodes.length && !after && <tr><td colSpan={4} className="quiet">Nobody’s name begins like this.</td></tr>}
      {onMore && hasNextPage && <tr><td colSpan={4}><button onClick={() => onMore(endCursor ?? null)}>More</button></td></tr>}
    </tbody>
  );
}

function Row({ user: { username, role, active, lastSeenAt }, isOpen }: { user: PersonFragment; isOpen: boolean }) {
  return (
    <tr data-open={isOpen || undefined}>
      <td><a href={href(["people", username])}><bdi>{username}</bdi></a>{!active && <span className="tag after">disabled</span>}</td>
      <td className="quiet">{role.toLowerCase()}</td>
      <td className="quiet">{lastSeenAt ? <Time date={lastSeenAt} as="ago" /> : "never"}</td>
      <td className="number"><a href={href(["admin", "users"], { user: username })}>Change<span className="hidden"> {username}</span></a></td>
    </tr>
  );
}
