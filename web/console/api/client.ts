import { createClient as createSocket } from "graphql-ws";
import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from "urql";

/** Where something of the server is, wherever the server is nested. */
export function address(path: string): URL {
  return new URL(path, document.baseURI);
}

/** Tells of each time that a lost connection is there again: what was logged meanwhile was missed. */
export const reconnections = new EventTarget();

/** Tells of each time that the server does not know any more who is there. */
export const expiries = new EventTarget();

function createLive() {
  const url = address("graphql/ws");
  url.protocol = url.protocol.replace("http", "ws");
  return createSocket({
    url: url.href,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: {
      connected: (_socket, _payload, wasRetry) => {
        if (wasRetry) reconnections.dispatchEvent(new Event("reconnected"));
      },
    },
  });
}

/** A client with an empty cache and no connection yet: a new one for each who signs in. */
export function createClient(): Client {
  const live = createLive();
  return new Client({
    url: address("graphql").href,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    exchanges: [
      mapExchange({
        onError: ({ graphQLErrors }) => {
          const isOver = graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED");
          if (isOver) expiries.dispatchEvent(new Event("expired"));
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
