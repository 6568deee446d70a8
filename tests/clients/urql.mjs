// urql: https://nearform.com/open-source/urql

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

import { authorization, operations, recording, url } from "./harness.mjs";

function client({ exchanges = [], ...options } = {}) {
  return new Client({ url, exchanges: [...exchanges, fetchExchange], ...options });
}

const signedIn = { fetchOptions: { headers: { authorization } } };

for (const preferGetMethod of [false, "force"]) {
  test(`a query by bearer, by ${preferGetMethod ? "GET" : "POST"}`, async () => {
    const { data, error } = await client({ ...signedIn, preferGetMethod }).query(operations.viewer, {});
    assert.equal(error, undefined);
    assert.equal(data.viewer.user.username, "staff");
  });
}

test("a mutation, and what is wrong with its input", async () => {
  const log = (input) => client().mutation(operations.log, { input });
  assert.equal((await log({ path: "/urql" })).data.logActivity.activity.path, "/urql");
  assert.equal((await log({ path: " " })).data.logActivity.userErrors[0].code, "BLANK");
});

test("a partial error comes with the rest", async () => {
  const { data, error } = await client().query(operations.partial, {});
  assert.equal(data.viewer.role, null);
  assert.equal(data.user ?? null, null);
  assert.deepEqual(error.graphQLErrors.map(({ path }) => path), [["user"]]);
});

test("a request error is understood", async () => {
  const { error } = await client().query(operations.wrong, {});
  assert.equal(error.networkError, undefined);
  assert.equal(error.graphQLErrors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});

test("a query is aborted", async () => {
  let signal;
  const aborting = client({
    fetch: (input, init) => {
      signal = init.signal;
      return fetch(input, init);
    },
  });
  const { unsubscribe } = aborting.query(operations.viewer, {}).subscribe(() => assert.fail("it was aborted"));
  await new Promise((resume) => setImmediate(resume));
  unsubscribe();
  assert.ok(signal.aborted);
});

for (const preferGetForPersistedQueries of [false, true]) {
  test(`persisted queries by ${preferGetForPersistedQueries ? "GET" : "POST"}`, async () => {
    const { fetched, sent } = recording();
    const exchanges = [persistedExchange({ preferGetForPersistedQueries })];
    const persisting = client({ ...signedIn, exchanges, fetch: fetched });
    const query = `query Persisted${preferGetForPersistedQueries}ByUrql { viewer { role } }`;
    for (let times = 0; times < 2; times++) {
      const { data, error } = await persisting.query(query, {});
      assert.equal(error, undefined);
      assert.equal(data.viewer.role, "STAFF");
    }
    assert.deepEqual(sent.map(({ query }) => Boolean(query)), [false, true, false]);
    assert.equal(sent[0].method, preferGetForPersistedQueries ? "GET" : "POST");
  });
}
