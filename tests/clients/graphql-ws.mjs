// graphql-ws, whose protocol it is: https://the-guild.dev/graphql/ws

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, createClient } from "graphql-ws";
import WebSocket from "ws";

import { authorization, base, url } from "./harness.mjs";

const address = `${base.replace("http", "ws")}/graphql/ws`;
const watch = "subscription { activityLogged { path } }";

function client(options = {}) {
  return createClient({
    url: address,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
    ...options,
  });
}

async function log(path) {
  const query = "mutation($path: String!) { logActivity(input: { path: $path }) { activity { id } } }";
  const body = JSON.stringify({ query, variables: { path } });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.ok((await response.json()).data.logActivity.activity);
}

/** A socket without the client, for what the client would never do. */
async function socket(...says) {
  const socket = new WebSocket(address, GRAPHQL_TRANSPORT_WS_PROTOCOL);
  await once(socket, "open");
  for (const message of says) socket.send(JSON.stringify(message));
  return socket;
}

async function closeCode(socket) {
  const [code] = await once(socket, "close");
  return code;
}

const init = { type: "connection_init", payload: { authorization } };
const subscribe = { type: "subscribe", id: "1", payload: { query: watch } };

test("activities come as they are logged, until the client has enough", async () => {
  let heard;
  const pinged = new Promise((resolve) => (heard = resolve));
  const watching = client({ keepAlive: 50, on: { pong: (received) => received && heard() } });
  const activities = watching.iterate({ query: watch });
  const next = activities.next();
  // The answer to a ping comes after the subscription is there.
  await pinged;
  await log("/watched");
  assert.deepEqual((await next).value.data, { activityLogged: { path: "/watched" } });
  assert.deepEqual(await activities.return(), { value: undefined, done: true });
  await watching.dispose();
});

test("a query is answered and completed", async () => {
  const results = [];
  const asking = client();
  for await (const result of asking.iterate({ query: "{ viewer { user { username } } }" })) results.push(result);
  assert.deepEqual(results, [{ data: { viewer: { user: { username: "staff" } } } }]);
  await asking.dispose();
});

test("a wrong operation is an error, and the socket stays", async () => {
  const asking = client({ lazy: false, onNonLazyError: () => {} });
  const errors = await asking.iterate({ query: "{ nonsense }" }).next().catch((errors) => errors);
  assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  const { value } = await asking.iterate({ query: "{ viewer { role } }" }).next();
  assert.equal(value.data.viewer.role, "STAFF");
  await asking.dispose();
});

test("who shows a wrong token is hung up on", async () => {
  const forged = client({ connectionParams: { authorization: "Bearer djf_nonsense" } });
  const closed = await forged.iterate({ query: watch }).next().catch((event) => event);
  assert.equal(closed.code, CloseCode.Forbidden);
});

test("a client is hung up on with the codes of the protocol", async () => {
  const invalid = await socket();
  invalid.send("{");
  assert.equal(await closeCode(invalid), CloseCode.BadRequest);
  assert.equal(await closeCode(await socket({ type: "start" })), CloseCode.BadRequest);
  assert.equal(await closeCode(await socket(subscribe)), CloseCode.Unauthorized);
  assert.equal(await closeCode(await socket(init, init)), CloseCode.TooManyInitialisationRequests);
  assert.equal(await closeCode(await socket(init, subscribe, subscribe)), CloseCode.SubscriberAlreadyExists);
  assert.equal(await closeCode(await socket()), CloseCode.ConnectionInitialisationTimeout);
});

test("an operation too many is refused, and the others go on", async () => {
  const operations = Array.from({ length: 21 }, (_, id) => ({ ...subscribe, id: `${id}` }));
  const busy = await socket(init, ...operations);
  let message;
  do message = JSON.parse((await once(busy, "message"))[0]);
  while (message.type !== "error");
  assert.equal(message.id, "20");
  assert.equal(message.payload[0].extensions.code, "RATE_LIMITED");
  busy.close();
});

test("another subprotocol is not spoken", async () => {
  const none = new WebSocket(address);
  assert.equal(await closeCode(none), CloseCode.SubprotocolNotAcceptable);
  const [error] = await once(new WebSocket(address, "graphql-ws"), "error");
  assert.match(error.message, /subprotocol/);
});

test("a ping is answered with its payload, even before the init", async () => {
  const pinging = await socket({ type: "ping", payload: { any: "thing" } });
  const [data] = await once(pinging, "message");
  assert.deepEqual(JSON.parse(data), { type: "pong", payload: { any: "thing" } });
  // A pong that nobody has asked for, and a complete of what is not there, are fine.
  pinging.send(JSON.stringify({ type: "pong", payload: { any: "thing" } }));
  pinging.send(JSON.stringify(init));
  const [acknowledged] = await once(pinging, "message");
  assert.deepEqual(JSON.parse(acknowledged), { type: "connection_ack" });
  pinging.send(JSON.stringify({ type: "complete", id: "nothing" }));
  pinging.send(JSON.stringify({ type: "ping" }));
  const [pong] = await once(pinging, "message");
  assert.deepEqual(JSON.parse(pong), { type: "pong" });
  pinging.close();
});

test("a page of another site has no socket here with a cookie", async () => {
  const headers = { origin: "https://evil.example", cookie: "sessionid=anything" };
  const [error] = await once(new WebSocket(address, GRAPHQL_TRANSPORT_WS_PROTOCOL, { headers }), "error");
  assert.match(error.message, /403/);
});
