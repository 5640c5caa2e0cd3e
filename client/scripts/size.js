// Prints what the core costs a page, and fails above the limit.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LIMIT = 6000; // bytes

const { outputFiles } = await build({
  absWorkingDir: fileURLToPath(new URL("../", import.meta.url)),
  bundle: true,
  entryPoints: ["src/index.ts"],
  format: "esm",
  minify: true,
  target: "es2022",
  write: false,
});
const code = Buffer.concat(outputFiles.map((file) => file.contents));
const size = gzipSync(code, { level: 9 }).length;
console.log(`The core has ${size} bytes, minified and gzipped, of at most ${LIMIT}.`);
process.exitCode = size > LIMIT ? 1 : 0;
