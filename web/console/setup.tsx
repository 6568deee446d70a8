import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { CreateFirstAdminDocument } from "./api/generated";
import { problem } from "./api/problem";
import { Credentials, Door } from "./door";
import { href, replace, useRoute } from "./route";

/** Makes the first admin, by the link that the server printed when it started on an empty database. */
export function Setup({ onDone }: { onDone: () => void }) {
  const setupToken = useRoute().params.get("token") ?? "";
  const [{ fetching }, create] = useMutation(CreateFirstAdminDocument);
  const [refusal, setRefusal] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = {
      setupToken,
      username: String(form.get("username")),
      password: String(form.get("password")),
    };
    const { data, error } = await create({ input });
    const message = error ? problem(error) : data?.createFirstAdmin.userErrors[0]?.message;
    if (message) return setRefusal(message);
    // The token is worth nothing now, but need not stay in the address.
    replace(href([]));
    onDone();
  }

  return (
    <Door title="Make the first admin" onSubmit={submit} refusal={refusal}>
      <p className="quiet">You will be signed in, and can let others in under Admin.</p>
      <Credentials password="new-password" />
      <button className="primary" disabled={fetching}>Make admin</button>
    </Door>
  );
}
