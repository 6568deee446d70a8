// urql.

import assert from 'node:assert/strict';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

import {
  authorization, browser, endpoint, isPartial, isPersisted, logAndRead, PARTIAL, READ, UNKNOWN,
} from './harness.mjs';

const client = (fetch, headers, ...exchanges) => new Client({
  url: endpoint, fetch, fetchOptions: { headers }, preferGetMethod: false,
  exchanges: [...exchanges, fetchExchange],
});
const visitor = client(browser().fetch);
const staff = client(fetch, { authorization });
const data = (result) => {
  if (result.error) throw result.error;
  return result.data;
};

await logAndRead(
  '/urql',
  async (mutation, variables) => data(await visitor.mutation(mutation, variables)),
  async (query, variables) => data(await staff.query(query, variables)),
);

const partial = await visitor.query(PARTIAL, {});
isPartial(partial.data, partial.error.graphQLErrors);
const unknown = await visitor.query(UNKNOWN, {});
assert.equal(unknown.data, undefined);
assert.match(unknown.error.graphQLErrors[0].message, /thereIsNoSuchField/);

// Whoever stops listening hangs up.
let signal;
const leaving = client((input, init) => {
  signal = init.signal;
  return fetch(input, init);
}, { authorization });
const { unsubscribe } = leaving.query(READ, { path: '/x' }).subscribe(() => assert.fail('has left'));
await new Promise((resolve) => setImmediate(resolve));
unsubscribe();
assert.ok(signal.aborted);

const { fetch: watched, sent } = browser();
const frugal = client(watched, { authorization }, persistedExchange({ preferGetForPersistedQueries: false }));
for (const path of ['/urql', '/elsewhere']) {
  const { activities } = data(await frugal.query(READ, { path }));
  assert.equal(activities.nodes.length, path === '/urql' ? 2 : 0);
}
isPersisted(sent);
