import type { VisitFragment } from "../api/generated";
import { device } from "../ui/device";
import { Time } from "../ui/time";

/** What somebody came with, the last used first. */
export function Devices({ sessions, isCut }: { sessions: VisitFragment[]; isCut: boolean }) {
  const groups = [...Map.groupBy(sessions, ({ userAgent }) => device(userAgent))].map(([name, all]) => ({
    name,
    count: all.length,
    last: all.map(({ lastSeenAt }) => lastSeenAt).sort().at(-1) ?? "",
  }));
  if (!groups.length) return null;
  return (
    <section className="card top-list">
      <table>
        <thead>
          <tr>
            <th><h2>Devices</h2></th>
            <th className="number quiet">Last seen</th>
            <th className="number quiet">Sessions</th>
          </tr>
        </thead>
        <tbody>
          {groups.sort((a, b) => b.last.localeCompare(a.last)).map(({ name, count, last }) => (
            <tr key={name}>
              <td><bdi>{name}</bdi></td>
              <td className="number quiet"><Time date={last} as="ago" /></td>
              <td className="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {isCut && <p className="quiet">Of the {sessions.length} sessions that began last.</p>}
    </section>
  );
}
