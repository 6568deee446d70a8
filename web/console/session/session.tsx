import { useMemo } from "react";
import { useQuery } from "urql";
import { SessionDocument, SessionLengthDocument, type VisitFragment } from "../api/generated";
import { href } from "../route";
import { device } from "../ui/device";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { duration, Time } from "../ui/time";
import { useViewer } from "../viewer";
import { Journey } from "./journey";

/** One browser session: the journey through the application. */
export function Session({ id }: { id: string }) {
  const [{ data, error }, ask] = useQuery({ query: SessionDocument, variables: { id } });
  const where = useMemo(() => ({ session: { eq: id } }), [id]);
  if (error && !data) return <Failure error={error} ask={ask} />;
  if (!data) return <p className="quiet loading" role="status">Loading …</p>;
  if (!data.node || !isSession(data.node)) return <Notice>There is no such session.</Notice>;
  return (
    <div className="stack">
      <Head session={data.node} />
      <Journey where={where} />
    </div>
  );
}

function isSession(node: object): node is VisitFragment {
  return "userAgent" in node;
}

function Head({ session }: { session: VisitFragment }) {
  const { id, user, userAgent, firstSeenAt, lastSeenAt } = session;
  const { role } = useViewer();
  return (
    <header className="head">
      <h1><bdi>{device(userAgent)}</bdi></h1>
      <dl>
        <div><dt>Person</dt><dd>{user ? <a href={href(["people", user.username])}><bdi>{user.username}</bdi></a> : "anonymous"}</dd></div>
        <div><dt>Began</dt><dd><Time date={firstSeenAt} /></dd></div>
        <div><dt>Last used</dt><dd><Time date={lastSeenAt} as="ago" /></dd></div>
        <Length id={id} />
      </dl>
      <span className="spring" />
      {role === "ADMIN" && <a href={href(["admin", "privacy"], { session: id })}>Privacy</a>}
      <a href={href(["activity"], { session: id })}>In the log</a>
      {userAgent !== device(userAgent) && <p className="quiet agent"><bdi>{userAgent}</bdi></p>}
    </header>
  );
}

/** From the first activity to the last. */
function Length({ id }: { id: string }) {
  const [{ data }] = useQuery({ query: SessionLengthDocument, variables: { id } });
  if (!data?.node || !("duration" in data.node)) return null;
  return <div><dt>Lasted</dt><dd>{duration(data.node.duration * 1000)}</dd></div>;
}
