// Apollo Client: https://www.apollographql.com/docs/react

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { authorization, operations, recording, sha256, url } from "./harness.mjs";

function client({ headers, fetched = fetch, before, useGETForQueries } = {}) {
  const http = new HttpLink({ uri: url, headers, fetch: fetched, useGETForQueries });
  const link = before ? ApolloLink.from([before, http]) : http;
  return new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: "no-cache" } } });
}

test("a query by bearer", async () => {
  const { data } = await client({ headers: { authorization } }).query({ query: gql(operations.viewer) });
  assert.equal(data.viewer.user.username, "staff");
});

test("a mutation, and what is wrong with its input", async () => {
  const log = (input) => client().mutate({ mutation: gql(operations.log), variables: { input } });
  const { data } = await log({ path: "/apollo" });
  assert.equal(data.logActivity.activity.path, "/apollo");
  const refused = await log({ path: " " });
  assert.deepEqual(refused.data.logActivity.userErrors[0].code, "BLANK");
});

test("a partial error comes with the rest", async () => {
  const { data, error } = await client().query({ query: gql(operations.partial), errorPolicy: "all" });
  assert.equal(data.viewer.role, null);
  assert.equal(data.user ?? null, null);
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(error.errors.map(({ path }) => path), [["user"]]);
});

test("a request error is understood", async () => {
  const error = await client().query({ query: gql(operations.wrong) }).catch((error) => error);
  assert.ok(CombinedGraphQLErrors.is(error), String(error));
  assert.equal(error.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});

test("a query is aborted", async () => {
  const aborting = new AbortController();
  const fetched = (input, init) => {
    const response = fetch(input, init);
    aborting.abort();
    return response;
  };
  const context = { fetchOptions: { signal: aborting.signal } };
  const aborted = client({ fetched }).query({ query: gql(operations.viewer), context });
  await assert.rejects(aborted, { name: "AbortError" });
});

for (const useGETForHashedQueries of [false, true]) {
  test(`persisted queries by ${useGETForHashedQueries ? "GET" : "POST"}`, async () => {
    const { fetched, sent } = recording();
    const before = new PersistedQueryLink({ sha256, useGETForHashedQueries });
    const persisting = client({ fetched, before, headers: { authorization } });
    const query = gql(`query Persisted${useGETForHashedQueries} { viewer { role } }`);
    for (let times = 0; times < 2; times++) {
      const { data } = await persisting.query({ query });
      assert.equal(data.viewer.role, "STAFF");
    }
    assert.deepEqual(sent.map(({ query }) => query !== undefined), [false, true, false]);
    assert.equal(sent[0].method, useGETForHashedQueries ? "GET" : "POST");
  });
}
