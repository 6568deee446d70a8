// What would break the clients of the last release: node changes.mjs
//
// released.graphql is the schema.graphql of that release. It is renewed with each release, never
// in between.

import { readFile } from "node:fs/promises";

import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const read = async (path) => buildSchema(await readFile(new URL(path, import.meta.url), "utf8"));
const changes = await diff(await read("released.graphql"), await read("../../schema.graphql"));
const breaking = changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
for (const { message } of breaking) console.log(message);
process.exitCode = breaking.length && 1;
