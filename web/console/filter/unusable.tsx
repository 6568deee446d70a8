import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import type { Where } from "./where";

/** Why a filter can't be used. */
export function Unusable({ wanted }: { wanted: Where }) {
  if (wanted.state === "unknown") return <Notice>Nobody here is called <bdi>{wanted.username}</bdi>.</Notice>;
  if (wanted.state === "failed") return <Failure error={wanted.error} ask={wanted.ask} />;
  return null;
}
