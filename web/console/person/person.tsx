import { useMemo } from "react";
import { useQuery } from "urql";
import { type PersonQuery, PersonDocument } from "../api/generated";
import { bucketFor } from "../filter/range";
import { Timeline } from "../overview/timeline";
import { Top } from "../overview/top";
import { go, href } from "../route";
import { moment } from "../filter/range-choice";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";
import { useViewer } from "../viewer";
import { Devices } from "./devices";
import { History } from "./history";

type User = NonNullable<PersonQuery["user"]>;

/** One user: who they are, and what they did, session by session. */
export function Person({ username }: { username: string }) {
  const [{ data, error }, ask] = useQuery({ query: PersonDocument, variables: { username } });
  if (error && !data) return <Failure error={error} ask={ask} />;
  if (!data) return <p className="quiet loading" role="status">Loading …</p>;
  if (!data.user) return <Notice>Nobody here is called <bdi>{username}</bdi>.</Notice>;
  return <Known user={data.user} />;
}

function Known({ user }: { user: User }) {
  const { id, username } = user;
  const where = useMemo(() => ({ user: { eq: id } }), [id]);
  const first = user.first.nodes[0]?.date;
  const now = useMemo(() => new Date(), []);
  const activity = (more = {}) => href(["activity"], { user: username, ...more });
  return (
    <div className="stack">
      <Head user={user} />
      <div className="beside">
        <div className="stack">
          {first && <Timeline withPeople={false} where={where} bucket={bucketFor({ from: new Date(first) }, now)} onSelect={(from, to) => go(activity({ from: moment(from), to: moment(to) }))} />}
          <History where={where} />
        </div>
        <div className="stack">
          <Top title="Paths" by="PATH" where={where} to={(page) => activity({ page })} />
          <Top title="Events" by="NAME" where={where} to={(name) => activity({ name })} />
          <Devices sessions={user.sessions.nodes} isCut={user.sessions.pageInfo.hasNextPage} />
        </div>
      </div>
    </div>
  );
}

function Head({ user }: { user: User }) {
  const { role } = useViewer();
  const first = user.first.nodes[0]?.date;
  return (
    <header className="head">
      <h1><bdi>{user.username}</bdi></h1>
      {user.role !== "USER" && <span className="tag">{user.role.toLowerCase()}</span>}
      {!user.active && <span className="tag">disabled</span>}
      <dl>
        <div><dt>First activity</dt><dd>{first ? <Time date={first} /> : "none yet"}</dd></div>
        <div><dt>Last seen</dt><dd>{user.lastSeenAt ? <Time date={user.lastSeenAt} as="ago" /> : "never"}</dd></div>
        <div><dt>Known since</dt><dd><Time date={user.createdAt} /></dd></div>
        {user.externalId && <div><dt>Your id</dt><dd><bdi>{user.externalId}</bdi></dd></div>}
      </dl>
      <span className="spring" />
      {role === "ADMIN" && <a href={href(["admin", "privacy"], { user: user.username })}>Privacy</a>}
      <a href={href(["activity"], { user: user.username })}>In the log</a>
    </header>
  );
}
