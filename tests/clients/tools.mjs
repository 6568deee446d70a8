// What others build from the schema: types of operations, Relay's artifacts, a lint of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { executeCodegen } from '@graphql-codegen/cli';
import { ESLint } from 'eslint';

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
  cpSync('operations.ts', join(directory, 'operations.ts'));
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
