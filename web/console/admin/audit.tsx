import { useQuery } from "urql";
import { AuditEventsDocument } from "../api/generated";
import { useMore } from "../api/more";
import { href } from "../route";
import { Failure } from "../ui/failure";
import { Time } from "../ui/time";

/** What was done with the rights of staff and admins, the newest first. */
export function Audit() {
  const { pages, more } = useMore();
  return (
    <div className="card list">
      <table className="plain-table">
        <thead>
          <tr><th>Time</th><th>Who</th><th>What</th><th>Details</th><th>Address</th></tr>
        </thead>
        {pages.map((after) => <Page key={after} after={after} onMore={after === pages.at(-1) ? more : undefined} />)}
      </table>
    </div>
  );
}

function Page({ after, onMore }: { after: string | null; onMore?: (cursor: string | null) => void }) {
  const [{ data, error }, ask] = useQuery({ query: AuditEventsDocument, variables: { after } });
  const { hasNextPage, endCursor } = data?.auditEvents.pageInfo ?? {};
  return (
    <tbody>
      {data?.auditEvents.nodes.map(({ id, date, actor, action, subject, details, ipAddress }) => (
        <tr key={id}>
          <td className="quiet"><Time date={date} /></td>
          <td>{actor ? <a href={href(["people", actor.username])}><bdi>{actor.username}</bdi></a> : <span className="quiet">–</span>}</td>
          <td>{action}</td>
          <td className="quiet details"><bdi>{told({ ...(subject && { of: subject }), ...details })}</bdi></td>
          <td className="quiet">{ipAddress}</td>
        </tr>
      ))}
      {error && !data && <tr><td colSpan={5}><Failure error={error} ask={ask} /></td></tr>}
      {onMore && hasNextPage && <tr><td colSpan={5}><button onClick={() => onMore(endCursor ?? null)}>More</button></td></tr>}
    </tbody>
  );
}

function told(details: object): string {
  return Object.entries(details).map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}
