// graphql-request: https://github.com/graffle-js/graffle/tree/graphql-request

import assert from "node:assert/strict";
import { test } from "node:test";

import { ClientError, GraphQLClient } from "graphql-request";

import { authorization, operations, url } from "./harness.mjs";

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
