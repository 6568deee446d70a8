// Builds the tracker and the demo into dist/, beside the other pages.

import { copyFile, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** Every page of every visitor loads it. An odd order or word in it (`map` for its effect, `[?]`) packs better. */
const MAX_BYTES = 1_536;

const web = new URL("..", import.meta.url).pathname;
const common = { root: web, base: "./", configFile: false, logLevel: "warn" };

async function tracker(entry, fileName, format) {
  await build({
    ...common,
    build: {
      emptyOutDir: false,
      target: "es2022",
      rolldownOptions: { optimization: { inlineConst: { mode: "all", pass: 3 } } },
      lib: { entry: `tracker/${entry}`, name: "djaffar", formats: [format], fileName: () => fileName },
    },
  });
}

await tracker("classic.ts", "djaffar.js", "iife");
await tracker("module.ts", "djaffar.mjs", "es");
await copyFile(`${web}tracker/djaffar.d.ts`, `${web}dist/djaffar.d.ts`);

await build({
  ...common,
  build: {
    emptyOutDir: false,
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: `${web}demo.html` },
  },
});

const { length } = gzipSync(await readFile(`${web}dist/djaffar.js`), { level: 9 });
console.log(`djaffar.js: ${length} bytes gzip, of ${MAX_BYTES}`);
if (length > MAX_BYTES) process.exit(1);
