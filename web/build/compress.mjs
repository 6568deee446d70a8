// Leaves a .br and a .gz beside each file that the build has made, for the server to send as they are.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
const text = /\.(css|html|js|mjs|json|svg|ttf)$/;

const entries = await readdir(dist, { recursive: true, withFileTypes: true });
const files = entries
  .filter((entry) => entry.isFile() && text.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));

await Promise.all(
  files.map(async (file) => {
    const bytes = await readFile(file);
    // The last steps of brotli cost minutes on the editor's workers and win next to nothing.
    const quality = bytes.length > 500_000 ? 9 : 11;
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
    await Promise.all([
      promisify(brotliCompress)(bytes, { params }).then((br) => writeFile(`${file}.br`, br)),
      promisify(gzip)(bytes, { level: 9 }).then((gz) => writeFile(`${file}.gz`, gz)),
    ]);
  }),
);
