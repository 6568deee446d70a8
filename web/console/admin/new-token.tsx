import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { CreateTokenDocument, type Scope } from "../api/generated";
import { Notice } from "../ui/notice";
import { Snippet } from "../ui/snippet";

const DAY = 86_400_000;
/** How long a token is good, in days. */
const LIVES = { "": "until it is revoked", 30: "30 days", 90: "90 days", 365: "a year" };
const SCOPES: Record<Scope, string> = { LOG: "log", READ: "read", ADMIN: "everything" };

export function NewToken({ userId }: { userId: string }) {
  const { change, refusal } = useChange(CreateTokenDocument);
  const [secret, setSecret] = useState<string | null>();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const chosen = new FormData(form);
    const scopes = (Object.keys(SCOPES) as Scope[]).filter((scope) => chosen.has(scope));
    const days = Number(chosen.get("days"));
    const expiresAt = days ? new Date(Date.now() + days * DAY).toISOString() : null;
    const data = await change({ input: { userId, name: String(chosen.get("name")), scopes, expiresAt } });
    setSecret(data?.createToken.secret);
    if (data) form.reset();
  }
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">Name of a new token<input name="name" required autoComplete="off" placeholder="what it is for" /></label>
      <label className="field">
        Good for
        <select name="days" defaultValue="90">
          {Object.entries(LIVES).map(([days, label]) => <option key={days} value={days}>{label}</option>)}
        </select>
      </label>
      <fieldset className="buttons">
        <legend className="hidden">What it may be used for</legend>
        {Object.entries(SCOPES).map(([scope, label]) => (
          <label key={scope}><input type="checkbox" name={scope} defaultChecked={scope === "READ"} /> {label}</label>
        ))}
        <button>Make token</button>
      </fieldset>
      {refusal && <Notice kind="error">{refusal}</Notice>}
      {secret && (
        <div role="status">
          <p>This is shown once. Keep it where secrets are kept:</p>
          <Snippet text={secret} />
        </div>
      )}
    </form>
  );
}
