import { address } from "../api/address";
import { Snippet } from "../ui/snippet";

/** For somebody with an empty log: what to paste to see the first activity come in. */
export function FirstEvent() {
  const tag = `<script defer src="${address("djaffar.js").href}"></script>`;
  const request = `curl ${address("graphql").href} -H 'content-type: application/json' \\
     -d '{"query": "mutation { logActivity(input: {path: \\"/hello\\"}) { activity { id } } }"}'`;
  return (
    <section className="card first">
      <h2>Nothing has been logged yet</h2>
      <p>Paste this into the pages of your application. Each view and each change of route is logged from then on:</p>
      <Snippet text={tag} />
      <p>
        If they come from another origin than this page (<code>{address("").origin}</code>), the server must know it: name it
        in <code>tracker-origins</code>, like <code>djaffar serve --tracker-origins https://app.example</code>.
      </p>
      <p>Or log one from a terminal, and see it appear here:</p>
      <Snippet text={request} />
      <p>To see what it looks like with much in it, make up ninety days: <code>djaffar demo fill</code>.</p>
    </section>
  );
}
