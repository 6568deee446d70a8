import { useEffect } from "react";
import { useQuery } from "urql";
import { address } from "../api/address";
import { type HeldFragment, PersonReportDocument } from "../api/generated";
import { DownloadLink } from "../download/link";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Erase } from "./erase";

/** A user or session by id, or a network address: one of them. */
export interface Who {
  user?: string;
  session?: string;
  ip?: string;
}

/** So often it is asked how far an erasure has come, in milliseconds. */
const EVERY = 2_000;

export function Held({ who, name }: { who: Who; name: string }) {
  const [{ data, error }, ask] = useQuery({ query: PersonReportDocument, variables: who, requestPolicy: "network-only" });
  const report = data?.personReport;
  const isBeingErased = report?.isBeingErased;
  useEffect(() => {
    if (!isBeingErased) return;
    const timer = setInterval(() => ask({ requestPolicy: "network-only" }), EVERY);
    return () => clearInterval(timer);
  }, [isBeingErased, ask]);
  if (error) return <Failure error={error} ask={ask} />;
  if (!data) return <p className="quiet loading" role="status">Loading …</p>;
  if (!report) return <Notice>Nothing is held on <bdi>{name}</bdi>.</Notice>;
  return (
    <section className="card stack" aria-label={`What is held on ${name}`}>
      <h2>Held on <bdi>{name}</bdi></h2>
      <p>{counted(report)}</p>
      {report.isBeingErased && <p role="status">It is being erased, in small steps.</p>}
      <p><DownloadLink wanted={{ url: exportAddress(who), name: "person.ndjson", headers: 0 }}>All of it, as NDJSON</DownloadLink></p>
      {!report.isBeingErased && <Erase who={who} onDone={() => ask({ requestPolicy: "network-only" })} />}
    </section>
  );
}

function exportAddress(who: Who): string {
  const url = address("export/person.ndjson");
  for (const [key, value] of Object.entries(who)) url.searchParams.set(key, value);
  return url.href;
}

/** `30 activities, 1 session and 2 tokens` */
export function counted({ activities, sessions, tokens }: HeldFragment): string {
  const one = (count: number, singular: string, plural: string) => `${count.toLocaleString()} ${count === 1 ? singular : plural}`;
  return `${one(activities, "activity", "activities")}, ${one(sessions, "session", "sessions")} and ${one(tokens, "token", "tokens")}`;
}
