import { type FormEvent, useState } from "react";
import { useQuery } from "urql";
import { useChange } from "../api/change";
import { EndOwnSessionsDocument, OwnSessionsDocument } from "../api/generated";
import { device } from "../ui/device";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";

/** Where one is signed in, and how to end that. */
export function SignedIn() {
  const [{ data, error }, ask] = useQuery({ query: OwnSessionsDocument, requestPolicy: "cache-and-network" });
  const { change, refusal, fetching } = useChange(EndOwnSessionsDocument);
  const [said, say] = useState<string>();
  const here = data?.viewer.session?.id;
  const sessions = data?.viewer.sessions ?? [];

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const id = ((event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement).value || null;
    const password = String(new FormData(form).get("password"));
    say(undefined);
    if (!(await change({ input: { password, id } }))) return;
    form.reset();
    say(id ? "It has ended." : "All others have ended.");
    ask({ requestPolicy: "network-only" });
  }

  return (
    <form className="card stack" onSubmit={submit}>
      <h2>Where you are signed in</h2>
      {error && !data && <Failure error={error} ask={ask} />}
      <div className="list">
        <table className="plain-table">
          <thead>
            <tr><th>Device</th><th>Began</th><th>Last used</th><th><span className="hidden">End</span></th></tr>
          </thead>
          <tbody>
            {sessions.map(({ id, userAgent, firstSeenAt, lastSeenAt }) => (
              <tr key={id}>
                <td title={userAgent}><bdi>{device(userAgent)}</bdi></td>
                <td className="quiet"><Time date={firstSeenAt} /></td>
                <td className="quiet"><Time date={lastSeenAt} as="ago" /></td>
                <td className="number">
                  {id === here ? <span className="quiet">here</span> : <button className="small danger" value={id} disabled={fetching}>End</button>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <label className="field">Your password<input name="password" type="password" required autoComplete="current-password" /></label>
      <div className="buttons"><button disabled={fetching}>End all others</button></div>
      {refusal ? <Notice kind="error">{refusal}</Notice> : said && <p role="status">{said}</p>}
    </form>
  );
}
