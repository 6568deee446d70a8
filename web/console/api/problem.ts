import type { CombinedError } from "urql";

/** Why there is no answer, in a sentence for the person who waits for it. */
export function problem(error: CombinedError): string {
  const [first] = error.graphQLErrors;
  if (!first) return "The server can’t be reached.";
  const { code } = first.extensions;
  if (code === "FORBIDDEN" || code === "UNAUTHENTICATED") return "You may not see this.";
  if (code === "TIMEOUT") return "This took the database too long. A shorter range or fewer filters help.";
  return first.message;
}
