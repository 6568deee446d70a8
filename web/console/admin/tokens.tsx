import { useQuery } from "urql";
import { useChange } from "../api/change";
import { RevokeTokenDocument, type TokenFragment, TokensDocument } from "../api/generated";
import { Failure } from "../ui/failure";
import { Notice } from "../ui/notice";
import { Time } from "../ui/time";
import { NewToken } from "./new-token";

/** Also a list that was empty is asked for again when a token is made. */
const CONTEXT = { additionalTypenames: ["ApiToken"] };

/** The tokens of a user, and how to make one more. */
export function Tokens({ userId }: { userId: string }) {
  const [{ data, error }, ask] = useQuery({ query: TokensDocument, variables: { userId }, context: CONTEXT });
  const tokens = data?.node && "tokens" in data.node ? data.node.tokens : [];
  return (
    <section className="stack" aria-label="Tokens">
      <h3>Tokens</h3>
      {error && !data ? <Failure error={error} ask={ask} /> : <NewToken userId={userId} />}
      <ul className="tokens">{tokens.map((token) => <Token key={token.id} token={token} />)}</ul>
    </section>
  );
}

function Token({ token: { id, name, scopes, createdAt, expiresAt, lastUsedAt, revokedAt } }: { token: TokenFragment }) {
  const { change, refusal } = useChange(RevokeTokenDocument);
  const isOver = revokedAt ?? (expiresAt && Date.parse(expiresAt) < Date.now());
  return (
    <li>
      <bdi>{name}</bdi> <span className="tag">{scopes.join(", ").toLowerCase()}</span>
      {isOver ? <span className="quiet">over</span> : <button className="small danger" onClick={() => void change({ input: { id } })}>Revoke<span className="hidden"> {name}</span></button>}
      <p className="quiet">
        made <Time date={createdAt} />, {lastUsedAt ? <>used <Time date={lastUsedAt} as="ago" /></> : "never used"}
        {expiresAt && <>, until <Time date={expiresAt} /></>}
      </p>
      {refusal && <Notice kind="error">{refusal}</Notice>}
    </li>
  );
}
