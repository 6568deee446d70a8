// What the scripts have in common: node SCRIPT URL TOKEN, on an instance of its own.

import { createHash } from "node:crypto";

export const [, , base, token] = process.argv;
export const url = `${base}/graphql`;
export const authorization = `Bearer ${token}`;

export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** A fetch, and what was sent by it. */
export function recording() {
  const sent = [];
  const fetched = async (input, init) => {
    const at = new URL(input);
    const body = init.body
      ? JSON.parse(init.body)
      : Object.fromEntries([...at.searchParams].map(([name, value]) => [name, name === "query" ? value : parse(value)]));
    sent.push({ method: init.method ?? "GET", ...body });
    return fetch(input, init);
  };
  return { fetched, sent };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const operations = {
  viewer: "query Viewer { viewer { role user { username } } }",
  log: "mutation Log($input: LogActivityInput!) { logActivity(input: $input) { activity { id path } userErrors { code field } } }",
  // Anybody may ask for the first field, staff for the second.
  partial: 'query Partial { viewer { role } user(username: "staff") { id } }',
  wrong: "query Wrong { nonsense }",
};
