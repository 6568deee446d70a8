import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { ChangePasswordDocument } from "../api/generated";
import { Notice } from "../ui/notice";

export function Password() {
  const { change, refusal, fetching } = useChange(ChangePasswordDocument);
  const [isChanged, setChanged] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const input = { password: String(fields.get("password")), newPassword: String(fields.get("new")) };
    const data = await change({ input });
    setChanged(Boolean(data));
    if (data) form.reset();
  }

  return (
    <form className="card stack" onSubmit={submit}>
      <h2>Change your password</h2>
      <label className="field">The one you have<input name="password" type="password" required autoComplete="current-password" /></label>
      <label className="field">A new one<input name="new" type="password" required autoComplete="new-password" /></label>
      <p className="quiet">Fifteen characters or more are best. All your other sessions and your tokens end.</p>
      <div className="buttons"><button disabled={fetching}>Change</button></div>
      {refusal ? <Notice kind="error">{refusal}</Notice> : isChanged && <p role="status">Changed.</p>}
    </form>
  );
}
