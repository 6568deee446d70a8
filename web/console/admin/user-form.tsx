import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { EndUserSessionsDocument, type PersonFragment, SetPasswordDocument, UpdateUserDocument } from "../api/generated";
import { go, href } from "../route";
import { Notice } from "../ui/notice";
import { Tokens } from "./tokens";
import { RoleChoice, roleOf } from "./role";

/** What can be changed about a user. */
export function UserForm({ user }: { user: PersonFragment }) {
  return (
    <aside className="detail card stack" aria-label={`Change ${user.username}`}>
      <a className="close" aria-label="Close" href={href(["admin", "users"])}>×</a>
      <h2><bdi>{user.username}</bdi></h2>
      <Account user={user} />
      <Password id={user.id} />
      <Tokens userId={user.id} />
    </aside>
  );
}

function Account({ user: { id, username, role, active } }: { user: PersonFragment }) {
  const update = useChange(UpdateUserDocument);
  const end = useChange(EndUserSessionsDocument);
  const [said, say] = useState<string>();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const data = await update.change({ input: { id, username: String(form.get("username")), role: roleOf(form) } });
    if (!data) return;
    say("Saved.");
    go(href(["admin", "users"], { user: data.updateUser.user?.username }));
  }
  async function toggle() {
    const isSure = !active || confirm("Their sessions and tokens end for good. Disable them?");
    if (isSure && (await update.change({ input: { id, active: !active } }))) say(active ? "Disabled." : "Enabled.");
  }
  async function endAll() {
    const data = await end.change({ input: { userId: id } });
    if (data) say(`${data.endUserSessions.count ?? 0} sessions have ended.`);
  }
  const refusal = update.refusal ?? end.refusal;
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">Name<input name="username" defaultValue={username} required autoComplete="off" /></label>
      <RoleChoice value={role} />
      <div className="buttons">
        <button disabled={update.fetching}>Save</button>
        <button type="button" onClick={() => void endAll()}>End all sessions</button>
        <button type="button" className="danger" onClick={() => void toggle()}>{active ? "Disable" : "Enable"}</button>
      </div>
      {refusal ? <Notice kind="error">{refusal}</Notice> : said && <p role="status">{said}</p>}
    </form>
  );
}

function Password({ id }: { id: string }) {
  const { change, refusal } = useChange(SetPasswordDocument);
  const [isSet, setDone] = useState(false);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const password = String(new FormData(form).get("password"));
    setDone(Boolean(await change({ input: { id, password } })));
    form.reset();
  }
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">New password<input name="password" type="password" required autoComplete="new-password" /></label>
      <div className="buttons"><button>Set password</button></div>
      {refusal && <Notice kind="error">{refusal}</Notice>}
      {isSet && <p role="status">Set. Their sessions and tokens have ended.</p>}
    </form>
  );
}
