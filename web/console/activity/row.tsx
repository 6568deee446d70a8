import { memo } from "react";
import type { ActivityRowFragment } from "../api/generated";
import { href } from "../route";
import { device } from "../ui/device";
import { Time } from "../ui/time";

interface RowProps {
  activity: ActivityRowFragment;
  isFresh: boolean;
  isOpen: boolean;
  onOpen: (id: string) => void;
}

export const Row = memo(function Row({ activity, isFresh, isOpen, onOpen }: RowProps) {
  const { id, date, path, name, referer, user, session, ipAddress } = activity;
  return (
    <tr className={isFresh ? "fresh" : undefined} data-open={isOpen || undefined} onClick={() => onOpen(id)}>
      <td className="when">
        <button className="plain" aria-expanded={isOpen}><Time date={date} as="clock" /><span className="hidden">: details</span></button>
      </td>
      <td className="person" onClick={stop}>
        {user ? <a href={href(["people", user.username])}><bdi>{user.username}</bdi></a> : <span className="quiet">anonymous</span>}
      </td>
      <td className="path" title={path}>
        {name !== "view" && <span className="tag"><bdi>{name}</bdi></span>}
        <bdi>{path}</bdi>
      </td>
      <td className="referer quiet" title={referer ?? undefined}>{referer && <bdi>{short(referer)}</bdi>}</td>
      <td className="device" onClick={stop}>
        {session && <a className="quiet" href={href(["sessions", session.id])} title={session.userAgent}><bdi>{device(session.userAgent)}</bdi></a>}
      </td>
      <td className="address quiet">{ipAddress}</td>
    </tr>
  );
});

/** A link in a row is not the row. */
function stop(event: React.MouseEvent): void {
  if (event.target instanceof Element && event.target.closest("a")) event.stopPropagation();
}

function short(referer: string): string {
  return referer.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "");
}
