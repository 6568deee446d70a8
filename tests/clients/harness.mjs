// What every client is put to: a server, and a reader's token.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

export const [server, token] = process.argv.slice(2);
export const endpoint = `${server}/graphql`;
export const authorization = `Bearer ${token}`;

export const LOG = `mutation Log($input: LogActivityInput!) {
  logActivity(input: $input) { activity { id path } userErrors { field code message } }
}`;
export const READ = `query Read($path: String!) {
  activities(where: { path: { eq: $path } }) { nodes { id path session { id } } }
}`;
/// A field that may not be read beside one that may.
export const PARTIAL = 'query Partial { viewer { role } user(username: "staff") { username } }';
export const UNKNOWN = 'query Unknown { thereIsNoSuchField }';

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/// A fetch with a cookie jar, as a browser has it, which keeps the bodies that were sent.
export function browser() {
  const sent = [];
  let cookie;
  const fetch = async (input, init = {}) => {
    if (init.method !== 'GET') sent.push(JSON.parse(init.body));
    const headers = new Headers(init.headers);
    if (cookie) headers.set('cookie', cookie);
    const response = await globalThis.fetch(input, { ...init, headers });
    const [set] = response.headers.getSetCookie();
    if (set) [cookie] = set.split(';');
    return response;
  };
  return { fetch, sent };
}

/// Logs twice by a client with cookies, and reads both by a client with a token: one session.
export async function logAndRead(path, log, read) {
  const ids = [];
  for (const _ of [1, 2]) {
    const { activity, userErrors } = (await log(LOG, { input: { path } })).logActivity;
    assert.deepEqual(userErrors, []);
    assert.equal(activity.path, path);
    ids.push(activity.id);
  }
  const { nodes } = (await read(READ, { path })).activities;
  assert.deepEqual(nodes.map((node) => node.id).sort(), ids.sort());
  assert.equal(new Set(nodes.map((node) => node.session.id)).size, 1, 'the cookie came back');
  const refused = (await log(LOG, { input: { path: '' } })).logActivity;
  assert.equal(refused.activity, null);
  assert.deepEqual(refused.userErrors[0].field, ['path']);
}

export function isPartial(data, errors) {
  // By the specification it is null; async-graphql 7.2 leaves the key out.
  assert.equal(data.user ?? null, null);
  assert.ok(data.viewer);
  assert.deepEqual(errors.map((error) => error.path), [['user']]);
  assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED');
}

/// Whether the hash alone was sent, the text after it, and from then on the hash alone.
export function isPersisted(sent) {
  const shapes = sent.map((body) => {
    assert.equal(body.extensions.persistedQuery.version, 1);
    return body.query ? 'text' : 'hash';
  });
  assert.deepEqual(shapes, ['hash', 'text', 'hash']);
}
