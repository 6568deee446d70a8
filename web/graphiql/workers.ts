import type { Environment } from "monaco-editor";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

const WORKERS: Record<string, new () => Worker> = { json: JsonWorker, graphql: GraphQLWorker };

// The package's own setup writes to the console for each worker.
const environment: Environment = {
  getWorker: (_id, label) => new (WORKERS[label] ?? EditorWorker)(),
};
Object.assign(globalThis, { MonacoEnvironment: environment });
