/** Weigh the client as a bundler would ship it, and as it is served without one. Fails above the limit. */

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 8 * 1024;
const entry = new URL("../bulkdl/static/index.js", import.meta.url).pathname;
const result = await build({
  entryPoints: [entry],
  bundle: true,
  minify: true,
  format: "esm",
  write: false,
  metafile: true,
});

const bundled = gzipSync(result.outputFiles[0].contents, { level: 9 }).length;
const sources = await Promise.all(Object.keys(result.metafile.inputs).map((path) => readFile(path)));
const served = sources.reduce((sum, source) => sum + gzipSync(source, { level: 9 }).length, 0);

console.log(
  `client: ${bundled} bytes bundled and gzipped (limit ${LIMIT}); ${served} as ${sources.length} modules with their comments`,
);
if (bundled >= LIMIT) process.exit(1);
