import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from "urql";
import { address } from "./address";
import { createLive, expire } from "./live";
import { patient } from "./patient";

/** A client with an empty cache and no connection yet: a new one for each who signs in. */
export function createClient(): Client {
  const live = createLive();
  return new Client({
    url: address("graphql").href,
    preferGetMethod: false,
    fetch: patient,
    requestPolicy: "cache-and-network",
    exchanges: [
      mapExchange({
        onError: ({ graphQLErrors }) => {
          if (graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) expire();
        },
      }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: live.subscribe({ query: query ?? "", variables }, sink),
          }),
        }),
      }),
    ],
  });
}
