// Writes the types of the API's answers to console/api/generated.ts, from the schema and the *.graphql documents.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codegen } from "@graphql-codegen/core";
import * as typedDocuments from "@graphql-codegen/typed-document-node";
import * as types from "@graphql-codegen/typescript";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const web = new URL("..", import.meta.url).pathname;
const document = async (path) => parse(await readFile(join(web, path), "utf8"));

const schema = await document("../schema.graphql");
const sources = await readdir(join(web, "console"), { recursive: true });
const documents = await Promise.all(
  sources
    .filter((path) => path.endsWith(".graphql"))
    .sort()
    .map(async (location) => ({ location, document: await document(join("console", location)) })),
);

const scalars = {
  BigInt: "number",
  DateTime: "string",
  JSON: "Record<string, string | number | boolean | null>",
  UUID: "string",
};
const filename = join(web, "console/api/generated.ts");
const code = await codegen({
  filename,
  schema,
  documents,
  config: { scalars, enumsAsTypes: true, onlyOperationTypes: true, skipTypename: true, useTypeImports: true, strictScalars: true, avoidOptionals: { field: true } },
  plugins: [{ types: {} }, { operations: {} }, { typedDocuments: { documentMode: "documentNode" } }],
  pluginMap: { types, operations, typedDocuments },
});
await writeFile(filename, `// Made by build/codegen.mjs.\n\n${code}`);
