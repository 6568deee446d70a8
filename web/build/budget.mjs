// Fails if what the console loads at once has become larger than people should wait for.

import { readFile, stat } from "node:fs/promises";

const BUDGET = 200_000;

const dist = new URL("../dist/", import.meta.url);
const page = await readFile(new URL("index.html", dist), "utf8");
const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path);
const sizes = await Promise.all(files.map(async (path) => (await stat(new URL(`${path}.gz`, dist))).size));
const total = sizes.reduce((sum, size) => sum + size, 0);

console.log(`console: ${total.toLocaleString("en")} of ${BUDGET.toLocaleString("en")} bytes (gzip)`);
if (!files.length || total > BUDGET) process.exit(1);
