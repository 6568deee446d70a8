// graphql-request: https://github.com/graffle-js/graffle/tree/graphql-request

import assert from "node:assert/strict";
import { test } from "node:test";

import { ClientError, GraphQLClient } from "graphql-request";

import { authorization, operations, recording, sha256, url } from "./harness.mjs";

const anybody = new GraphQLClient(url);
const staff = new GraphQLClient(url, { headers: { authorization } });

test("a query by bearer, by POST and by GET", async () => {
  for (const method of ["POST", "GET"]) {
    const client = new GraphQLClient(url, { method, headers: { authorization }, jsonSerializer: JSON });
    const { viewer } = await client.request(operations.viewer);
    assert.equal(viewer.user.username, "staff");
  }
});

test("a mutation, and what is wrong with its input", async () => {
  const log = (input) => anybody.request(operations.log, { input });
  assert.equal((await log({ path: "/graphql-request" })).logActivity.activity.path, "/graphql-request");
  assert.equal((await log({ path: " " })).logActivity.userErrors[0].code, "BLANK");
});

test("a partial error comes with the rest", async () => {
  const client = new GraphQLClient(url, { errorPolicy: "all" });
  const { data, errors } = await client.rawRequest(operations.partial);
  assert.equal(data.viewer.role, null);
  assert.equal(data.user ?? null, null);
  assert.deepEqual(errors.map(({ path }) => path), [["user"]]);
});

test("a request error is understood", async () => {
  const error = await anybody.request(operations.wrong).catch((error) => error);
  assert.ok(error instanceof ClientError, String(error));
  assert.equal(error.response.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});

test("a query is aborted", async () => {
  const aborting = new AbortController();
  const aborted = anybody.request({ document: operations.viewer, signal: aborting.signal });
  aborting.abort();
  await assert.rejects(aborted, { name: "AbortError" });
});

/** Sends the hash of a document, and the document only if the server asks for it. */
function persisted(fetched) {
  return async (input, init) => {
    const { query, ...rest } = JSON.parse(init.body);
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(query) } };
    const send = (body) => fetched(input, { ...init, body: JSON.stringify({ ...rest, ...body, extensions }) });
    const response = await send({});
    const { errors = [] } = await response.clone().json();
    const isUnknown = errors.some(({ extensions }) => extensions?.code === "PERSISTED_QUERY_NOT_FOUND");
    return isUnknown ? send({ query }) : response;
  };
}

test("persisted queries", async () => {
  const { fetched, sent } = recording();
  const persisting = new GraphQLClient(url, { fetch: persisted(fetched), headers: { authorization } });
  for (let times = 0; times < 2; times++) {
    const { viewer } = await persisting.request("query PersistedByGraphqlRequest { viewer { role } }");
    assert.equal(viewer.role, "STAFF");
  }
  assert.deepEqual(sent.map(({ query }) => Boolean(query)), [false, true, false]);
});
