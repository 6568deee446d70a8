// graphql-request. It has no persisted queries.

import assert from 'node:assert/strict';
import { ClientError, GraphQLClient } from 'graphql-request';

import {
  authorization, browser, endpoint, isPartial, logAndRead, PARTIAL, READ, UNKNOWN,
} from './harness.mjs';

const visitor = new GraphQLClient(endpoint, { fetch: browser().fetch });
const staff = new GraphQLClient(endpoint, { headers: { authorization } });

await logAndRead(
  '/graphql-request',
  (mutation, variables) => visitor.request(mutation, variables),
  (query, variables) => staff.request(query, variables),
);

await assert.rejects(visitor.request(PARTIAL), (error) => {
  assert.ok(error instanceof ClientError);
  isPartial(error.response.data, error.response.errors);
  return true;
});
await assert.rejects(visitor.request(UNKNOWN), (error) => {
  assert.equal(error.response.data, undefined);
  return error.response.errors[0].message.includes('thereIsNoSuchField');
});

const order = new AbortController();
const aborted = staff.request({ document: READ, variables: { path: '/x' }, signal: order.signal });
order.abort();
await assert.rejects(aborted, { name: 'AbortError' });
