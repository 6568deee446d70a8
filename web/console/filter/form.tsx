import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { UserNamesDocument } from "../api/generated";
import { type Field, type Filter, LABELS } from "./filter";

const HINTS: Partial<Record<Field, string>> = {
  path: "/checkout",
  page: "/checkout/done",
  user: "name",
  name: "view",
  referer: "news.example or https://…",
  ip: "192.0.2.7",
  session: "id",
};

export function FilterForm({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget)].map(([key, value]) => [key, String(value).trim() || undefined]);
    onChange({ ...filter, ...Object.fromEntries(entries) });
  }
  return (
    <form className="stack" onSubmit={submit}>
      {(Object.keys(HINTS) as Field[]).map((field) => (
        <label className="field" key={field}>
          {LABELS[field]}
          {field === "user" ? (
            <PersonInput defaultValue={filter.user} />
          ) : (
            <input name={field} defaultValue={filter[field]} placeholder={HINTS[field]} autoComplete="off" />
          )}
        </label>
      ))}
      <label className="field">
        {LABELS.anonymous}
        <select name="anonymous" defaultValue={filter.anonymous ?? ""}>
          <option value="">either</option>
          <option value="no">yes</option>
          <option value="yes">no: anonymous</option>
        </select>
      </label>
      <button className="primary">Apply</button>
    </form>
  );
}

/** Knows the names that begin as what is typed. */
function PersonInput({ defaultValue = "" }: { defaultValue?: string }) {
  const [typed, setTyped] = useState(defaultValue);
  const [{ data }] = useQuery({ query: UserNamesDocument, variables: { startsWith: typed }, requestPolicy: "cache-first" });
  return (
    <>
      <input name="user" value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={HINTS.user} list="people" autoComplete="off" autoCapitalize="none" />
      <datalist id="people">
        {data?.users.nodes.map(({ username }) => <option key={username} value={username} />)}
      </datalist>
    </>
  );
}
