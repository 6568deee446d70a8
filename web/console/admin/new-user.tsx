import type { FormEvent } from "react";
import { useChange } from "../api/change";
import { CreateUserDocument } from "../api/generated";
import { go, href } from "../route";
import { Notice } from "../ui/notice";
import { RoleChoice, roleOf } from "./role";

export function NewUser({ onDone }: { onDone: () => void }) {
  const { change, refusal, fetching } = useChange(CreateUserDocument);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const username = String(form.get("username"));
    const password = String(form.get("password")) || null;
    if (!(await change({ input: { username, password, role: roleOf(form) } }))) return;
    onDone();
    go(href(["admin", "users"], { user: username }));
  }
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field">Name<input name="username" required autoComplete="off" autoCapitalize="none" /></label>
      <label className="field">Password<input name="password" type="password" autoComplete="new-password" /></label>
      <p className="quiet">Without a password they come in by a token, or through your own application.</p>
      <RoleChoice value="STAFF" />
      {refusal && <Notice kind="error">{refusal}</Notice>}
      <button className="primary" disabled={fetching}>Make user</button>
    </form>
  );
}
