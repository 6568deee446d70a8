// graphql-ws: subscriptions by graphql-transport-ws.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { authorization, endpoint, LOG, server } from './harness.mjs';

const url = `${endpoint.replace('http', 'ws')}/ws`;
const WATCH = 'subscription Watch { activityLogged(where: { path: { eq: "/ws" } }) { path } }';

async function log() {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: LOG, variables: { input: { path: '/ws' } } }),
  });
  assert.deepEqual((await response.json()).data.logActivity.userErrors, []);
}

// The client itself: an activity is delivered, a ping answered, and completing ends it.
let pongs = 0;
const client = createClient({
  url, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0, keepAlive: 50,
  on: { pong: (received) => { if (received) pongs += 1; } },
});
const watching = client.iterate({ query: WATCH });
const delivered = watching.next();
// When the server has a subscription can't be seen: it is logged until one comes.
const logging = setInterval(log, 100);
assert.deepEqual(await delivered, { done: false, value: { data: { activityLogged: { path: '/ws' } } } });
clearInterval(logging);
assert.equal((await watching.return()).done, true);

const { value: answer } = await client.iterate({ query: '{ viewer { role } }' }).next();
assert.equal(answer.data.viewer.role, 'STAFF');
await assert.rejects(client.iterate({ query: 'subscription { nothing }' }).next(), (errors) => {
  assert.match(errors[0].message, /nothing/);
  return true;
});
await client.dispose();
assert.ok(pongs > 0);

console.error('part 2');
// What the client would never say.
const protocol = 'graphql-transport-ws';
const init = { type: 'connection_init', payload: { authorization } };
const subscribe = (id) => ({ type: 'subscribe', id, payload: { query: WATCH } });

async function open(protocols = protocol, options = {}) {
  const socket = new WebSocket(url, protocols, options);
  socket.heard = [];
  socket.on('message', (text) => socket.heard.push(JSON.parse(text)));
  await once(socket, 'open');
  return socket;
}

async function closed(socket, ...messages) {
  const close = once(socket, 'close');
  for (const message of messages) socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return (await close)[0];
}

const late = closed(await open());
assert.equal(await closed(await open(), '{'), 4400);
assert.equal(await closed(await open(), { type: 'unheard_of' }), 4400);
assert.equal(await closed(await open(), init, { type: 'subscribe', id: '1', payload: {} }), 4400);
assert.equal(await closed(await open(), subscribe('1')), 4401);
assert.equal(await closed(await open(), init, subscribe('1'), subscribe('1')), 4409);
assert.equal(await closed(await open(), init, init), 4429);

// One more operation than a socket may have.
const busy = await open();
for (const message of [init, ...Array.from({ length: 21 }, (_, id) => subscribe(`${id}`))]) {
  busy.send(JSON.stringify(message));
}
while (!busy.heard.some((message) => message.type === 'error')) await once(busy, 'message');
const refused = busy.heard.find((message) => message.type === 'error');
assert.equal(refused.id, '20');
assert.equal(refused.payload[0].extensions.code, 'RATE_LIMITED');
busy.close();

// Pages of other sites may not listen in; our own may.
const foreign = new WebSocket(url, protocol, { origin: 'https://evil.example' });
const [, response] = await once(foreign, 'unexpected-response');
assert.equal(response.statusCode, 403);
response.destroy();
(await open(protocol, { origin: server })).close();

assert.equal(await late, 4408, 'who never says connection_init has to go');
