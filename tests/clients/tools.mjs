// What others build from the schema: types of operations, Relay's artifacts, a lint of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { executeCodegen } from '@graphql-codegen/cli';
import { ESLint } from 'eslint';
import { Kind, parse, print, visit } from 'graphql';

const schema = resolve('../../schema.graphql');
const directory = mkdtempSync(resolve('.tools-'));
try {
  await lint();
  await types();
  relay();
} finally {
  rmSync(directory, { recursive: true });
}

async function lint() {
  const [{ messages }] = await new ESLint()
    .lintText(readFileSync(schema, 'utf8'), { filePath: resolve('schema.graphql') });
  assert.deepEqual(messages.map(({ line, ruleId, message }) => `${line}: ${ruleId}: ${message}`), []);
}

async function types() {
  const operations = documented().map((operation, number) => `export const a${number} = graphql(\`${operation}\`);`);
  assert.ok(operations.length >= 6, `${operations.length} operations in the README`);
  writeFileSync(join(directory, 'operations.ts'), ["import { graphql } from './generated/gql';", ...operations].join('\n'));
  await executeCodegen({
    schema,
    documents: join(directory, 'operations.ts'),
    silent: true,
    generates: { [`${directory}/generated/`]: { preset: 'client', config: { strictScalars: true, scalars: {
      BigInt: 'number', DateTime: 'string', JSON: 'Record<string, unknown>', UUID: 'string',
    } } } },
  }).then(({ result, error }) => {
    if (error) throw error;
    for (const { filename, content } of result) {
      mkdirSync(join(filename, '..'), { recursive: true });
      writeFileSync(filename, content);
    }
  });
  node('typescript/bin/tsc', '--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext',
    '--moduleResolution', 'bundler', '--target', 'esnext', join(directory, 'operations.ts'));
}

/** The operations of the README, each with a name, as those who generate types from them give it. */
function documented() {
  const readme = readFileSync('../../README.md', 'utf8');
  const texts = [
    ...[...readme.matchAll(/^```graphql\n([^]*?)^```/gm)].map(([, text]) => text),
    // As a string of JavaScript or JSON.
    ...[...readme.matchAll(/"?query"?: ("(?:[^"\\]|\\.)*")/g)].map(([, text]) => JSON.parse(text)),
  ];
  return texts.map((text, number) => print(visit(parse(text), {
    OperationDefinition: (operation) => ({ ...operation, name: { kind: Kind.NAME, value: `Documented${number}` } }),
  })));
}

function relay() {
  mkdirSync(join(directory, 'relay'));
  cpSync('relay.ts', join(directory, 'relay', 'relay.ts'));
  cpSync(schema, join(directory, 'schema.graphql'));
  writeFileSync(join(directory, 'relay.config.json'), JSON.stringify({
    src: './relay', schema: './schema.graphql', language: 'typescript', eagerEsModules: true, noSourceControl: true,
  }));
  node('relay-compiler/cli.js', join(directory, 'relay.config.json'));
  const query = readFileSync(join(directory, 'relay/__generated__/RelayPageQuery.graphql.ts'), 'utf8');
  assert.match(query, /kind": "LinkedHandle"/, 'the pages are joined');
}

function node(program, ...rest) {
  try {
    execFileSync(process.execPath, [resolve('node_modules', program), ...rest], { cwd: directory, encoding: 'utf8' });
  } catch (error) {
    throw new Error(`${program}: ${error.stdout}${error.stderr}`);
  }
}
