import type { KeyboardEvent } from "react";
import type { ActivityRowFragment } from "../api/generated";
import { dayOf, Time } from "../ui/time";
import { Row } from "./row";

interface TableProps {
  rows: ActivityRowFragment[];
  fresh: ReadonlySet<string>;
  open: string | null;
  onOpen: (id: string) => void;
}

/** Activities under the days on which they happened. */
export function ActivityTable({ rows, fresh, open, onOpen }: TableProps) {
  return (
    <table className="log" onKeyDown={walk}>
      <caption className="hidden">Activities, the newest first</caption>
      <thead>
        <tr>
          <th className="when">Time</th>
          <th className="person">Person</th>
          <th className="path">Path</th>
          <th className="referer">Referrer</th>
          <th className="device">Session</th>
          <th className="address">Address</th>
        </tr>
      </thead>
      {byDay(rows).map(([day, group]) => (
        <tbody key={day}>
          <tr className="day">
            <th colSpan={3} scope="rowgroup"><Time date={group[0]?.date ?? ""} as="day" /></th>
            <td className="referer" />
            <td className="device" />
            <td className="address" />
          </tr>
          {group.map((activity) => (
            <Row
              key={activity.id}
              activity={activity}
              isFresh={fresh.has(activity.id)}
              isOpen={activity.id === open}
              onOpen={onOpen}
            />
          ))}
        </tbody>
      ))}
    </table>
  );
}

function byDay(rows: ActivityRowFragment[]): [string, ActivityRowFragment[]][] {
  return [...Map.groupBy(rows, ({ date }) => dayOf(date))];
}

/** The arrows go from row to row. */
function walk(event: KeyboardEvent<HTMLTableElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>(".when button")];
  const at = stops.findIndex((it) => it.closest("tr")?.contains(document.activeElement));
  const next = stops[at + step];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}
