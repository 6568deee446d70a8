import { type FormEvent, useState } from "react";
import { useClient, useMutation } from "urql";
import { LogInDocument, ViewerDocument } from "./api/generated";
import { problem } from "./api/problem";
import { Door, Credentials } from "./door";

const NO_COOKIE =
  "The password is right, but your browser has not kept the session cookie. Over plain HTTP it keeps none: come by HTTPS, or let the server run in development mode.";

export function SignIn({ onDone }: { onDone: () => void }) {
  const client = useClient();
  const [, logIn] = useMutation(LogInDocument);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const refused = await refusalOf(form);
    setBusy(false);
    if (refused) setRefusal(refused);
    else onDone();
  }

  async function refusalOf(form: FormData): Promise<string | undefined> {
    const input = { username: String(form.get("username")), password: String(form.get("password")) };
    const { data, error } = await logIn({ input });
    const message = error ? problem(error) : data?.logIn.userErrors[0]?.message;
    if (message) return message;
    const { data: next } = await client.query(ViewerDocument, {}, { requestPolicy: "network-only" }).toPromise();
    return next && !next.viewer.role ? NO_COOKIE : undefined;
  }

  return (
    <Door title="Sign in" onSubmit={submit} refusal={refusal}>
      <Credentials password="current-password" />
      <button className="primary" disabled={busy}>Sign in</button>
    </Door>
  );
}
