// Apollo Client 4.

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

import {
  authorization, browser, endpoint, isPartial, isPersisted, logAndRead, PARTIAL, READ, sha256, UNKNOWN,
} from './harness.mjs';

const client = (fetch, headers, ...links) => new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([...links, new HttpLink({ uri: endpoint, fetch, headers })]),
});
const visitor = client(browser().fetch);
const staff = client(fetch, { authorization });

await logAndRead(
  '/apollo',
  async (mutation, variables) => (await visitor.mutate({ mutation: gql(mutation), variables })).data,
  async (query, variables) => (await staff.query({ query: gql(query), variables })).data,
);

const partial = await visitor.query({ query: gql(PARTIAL), errorPolicy: 'all' });
assert.ok(CombinedGraphQLErrors.is(partial.error));
isPartial(partial.data, partial.error.errors);
await assert.rejects(visitor.query({ query: gql(UNKNOWN) }), (error) => {
  assert.ok(CombinedGraphQLErrors.is(error), 'a 400 is read as well');
  return error.message.includes('thereIsNoSuchField');
});

const order = new AbortController();
const aborted = staff.query({
  query: gql(READ), variables: { path: '/x' }, fetchPolicy: 'network-only',
  context: { fetchOptions: { signal: order.signal } },
});
order.abort();
await assert.rejects(aborted, { name: 'AbortError' });

const { fetch: watched, sent } = browser();
const frugal = client(watched, { authorization }, new PersistedQueryLink({ sha256 }));
for (const path of ['/apollo', '/elsewhere']) {
  const { data } = await frugal.query({ query: gql(READ), variables: { path } });
  assert.equal(data.activities.nodes.length, path === '/apollo' ? 2 : 0);
}
isPersisted(sent);
