import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { LogInDocument } from "./api/generated";
import { problem } from "./api/problem";
import { Door, Credentials } from "./door";

export function SignIn({ onDone }: { onDone: () => void }) {
  const [{ fetching }, logIn] = useMutation(LogInDocument);
  const [refusal, setRefusal] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = { username: String(form.get("username")), password: String(form.get("password")) };
    const { data, error } = await logIn({ input });
    const message = error ? problem(error) : data?.logIn.userErrors[0]?.message;
    if (message) setRefusal(message);
    else onDone();
  }

  return (
    <Door title="Sign in" onSubmit={submit} refusal={refusal}>
      <Credentials password="current-password" />
      <button className="primary" disabled={fetching}>Sign in</button>
    </Door>
  );
}
