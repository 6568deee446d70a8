import type { CombinedError } from "urql";
import { problem } from "../api/problem";

interface FailureProps {
  error: CombinedError;
  ask: (options: { requestPolicy: "network-only" }) => void;
}

/** Why there is nothing to be seen, and how to ask once more. */
export function Failure({ error, ask }: FailureProps) {
  return (
    <div className="notice error failure" role="alert">
      <p>{problem(error)}</p>
      <button onClick={() => ask({ requestPolicy: "network-only" })}>Try again</button>
    </div>
  );
}
