import { type ReactNode, useEffect, useRef } from "react";
import { useQuery } from "urql";
import { ActivityDocument, type ActivityRowFragment } from "../api/generated";
import type { Filter } from "../filter/filter";
import { href } from "../route";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";

interface DetailProps {
  id: string;
  /** If it is at hand already. */
  known?: ActivityRowFragment;
  onClose: () => void;
}

/** All that is known of an activity, each thing a way to more of its kind. */
export function Detail({ id, known, onClose }: DetailProps) {
  const [{ data, error }, ask] = useQuery({ query: ActivityDocument, variables: { id }, pause: Boolean(known) });
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    panel.current?.focus({ preventScroll: true });
    const close = (event: KeyboardEvent) => event.key === "Escape" && !event.defaultPrevented && onClose();
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [id, onClose]);
  const activity = known ?? (data?.node && isActivity(data.node) ? data.node : undefined);
  return (
    <aside className="detail card" ref={panel} tabIndex={-1} aria-label="Details of the activity">
      <button className="plain close" aria-label="Close the details" onClick={onClose}>×</button>
      {activity && <Facts activity={activity} />}
      {!activity && error && <Failure error={error} ask={ask} />}
      {!activity && data && <Notice>There is no such activity.</Notice>}
    </aside>
  );
}

function Facts({ activity }: { activity: ActivityRowFragment }) {
  const { user, session, path, name, referer, ipAddress, properties } = activity;
  return (
    <>
      <h2><bdi>{path}</bdi></h2>
      <dl className="facts">
        <Fact label="Time"><Time date={activity.date} as="full" /></Fact>
        <Fact label="Taken"><Time date={activity.receivedAt} as="full" /></Fact>
        <Fact label="Person" only={user ? { user: user.username } : { anonymous: "yes" }}>
          {user ? <a href={href(["people", user.username])}><bdi>{user.username}</bdi></a> : "anonymous"}
        </Fact>
        <Fact label="Event" only={{ name }}><bdi>{name}</bdi></Fact>
        <Fact label="Path" only={{ page: path }}><bdi>{path}</bdi></Fact>
        {referer && <Fact label="Referrer" only={{ source: referer }}><bdi>{referer}</bdi></Fact>}
        {ipAddress && <Fact label="Address" only={{ ip: ipAddress }}>{ipAddress}</Fact>}
        {session && (
          <Fact label="Session" only={{ session: session.id }}>
            <a href={href(["sessions", session.id])}>The whole session</a>
          </Fact>
        )}
        {session && <Fact label="Device"><bdi className="quiet">{session.userAgent}</bdi></Fact>}
        {Object.entries(properties ?? {}).map(([key, value]) => (
          <Fact key={key} label={key}><bdi>{String(value)}</bdi></Fact>
        ))}
        <Fact label="Id"><code>{activity.id}</code></Fact>
      </dl>
      {activity.truncated && <Notice>A value was longer than its limit and has been cut.</Notice>}
    </>
  );
}

function Fact({ label, only, children }: { label: string; only?: Filter; children: ReactNode }) {
  return (
    <div>
      <dt><bdi>{label}</bdi></dt>
      <dd>
        {children}
        {only && <a className="only" href={href(["activity"], { ...only })}>only this<span className="hidden"> {label.toLowerCase()}</span></a>}
      </dd>
    </div>
  );
}

function isActivity(node: object): node is ActivityRowFragment {
  return "path" in node;
}
