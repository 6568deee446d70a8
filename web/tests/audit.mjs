// Runs the audits of GraphQL over HTTP against a server: node audit.mjs URL
//
// One line for each that is not ok; the last line counts them all.

import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.argv[2] });
for (const { id, name, status, reason } of results) {
  if (status !== "ok") console.log(`${status} ${id} ${name}: ${reason}`);
}
const passed = results.filter(({ status }) => status === "ok").length;
console.log(`${passed} of ${results.length} audits passed`);
