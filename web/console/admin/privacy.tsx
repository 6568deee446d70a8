import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { UserIdDocument } from "../api/generated";
import { go, href, useRoute } from "../route";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Held, type Who } from "./held";

const KINDS = { user: "Person, by name", session: "Session, by id", ip: "Address" };
type Kind = keyof typeof KINDS;

/** What is held on one person: to be told, handed out, and forgotten. */
export function Privacy() {
  const { params } = useRoute();
  const kind = (Object.keys(KINDS) as Kind[]).find((it) => params.get(it)) ?? "user";
  const value = params.get(kind) ?? "";
  return (
    <div className="stack privacy">
      <Choice key={`${kind} ${value}`} kind={kind} value={value} />
      {value && (kind === "user" ? <HeldOnUser key={value} username={value} /> : <Held key={value} who={{ [kind]: value }} name={value} />)}
    </div>
  );
}

function Choice({ kind, value }: { kind: Kind; value: string }) {
  const [chosen, choose] = useState(kind);
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    go(href(["admin", "privacy"], { [chosen]: String(new FormData(event.currentTarget).get("value")).trim() }));
  }
  return (
    <form className="card stack" onSubmit={submit}>
      <h2>Whose data?</h2>
      <p className="quiet">Count what is held on somebody, hand it out to them, or forget it.</p>
      <div className="bar">
        <select aria-label="Kind" value={chosen} onChange={(event) => choose(event.target.value as Kind)}>
          {Object.entries(KINDS).map(([key, label]) => <option key={key} value={key}>{label}</option>)}
        </select>
        <input name="value" aria-label={KINDS[chosen]} defaultValue={value} required autoComplete="off" autoCapitalize="none" />
        <button>Count</button>
      </div>
    </form>
  );
}

function HeldOnUser({ username }: { username: string }) {
  const [{ data, error }, ask] = useQuery({ query: UserIdDocument, variables: { username }, requestPolicy: "network-only" });
  // Who has been erased is still shown as such.
  const [who, setWho] = useState<Who>();
  if (data?.user && !who) setWho({ user: data.user.id });
  if (who) return <Held who={who} name={username} />;
  if (error) return <Failure error={error} ask={ask} />;
  return data ? <Notice>Nobody here is called <bdi>{username}</bdi>.</Notice> : null;
}
