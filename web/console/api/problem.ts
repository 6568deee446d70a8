import type { CombinedError } from "urql";

/** Why there is no answer, in a sentence for the person who waits for it. */
export function problem(error: CombinedError): string {
  if (error.networkError) return "The server can’t be reached. It will be asked again when you come back to this view.";
  if (isMissing(error)) return "This server doesn’t offer this yet: it is an older version of djaffar.";
  const code = error.graphQLErrors[0]?.extensions.code;
  if (code === "FORBIDDEN" || code === "UNAUTHENTICATED") return "You may not see this.";
  if (code === "TIMEOUT") return "This took the database too long. A shorter range or fewer filters help.";
  return error.graphQLErrors[0]?.message ?? error.message;
}

/** Whether the server's schema lacks what was asked for. */
export function isMissing(error: CombinedError): boolean {
  return error.graphQLErrors.some((it) => it.extensions.code === "GRAPHQL_VALIDATION_FAILED");
}
