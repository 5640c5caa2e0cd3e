// Builds dist/: the modules with their types, a module of sentences for each language,
// and django-ai-kit-auth.js, the core in one file for pages without a build step.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { catalogs } from "./catalogs.js";

const CLIENT = new URL("../", import.meta.url);
const DIST = new URL("dist/", CLIENT);
const { name, version, license } = JSON.parse(
  readFileSync(new URL("package.json", CLIENT), "utf8"),
);

/**
 * Return the path of a file below the folder of the package.
 *
 * @param {string} relative
 */
function path(relative) {
  return fileURLToPath(new URL(relative, CLIENT));
}

rmSync(DIST, { force: true, recursive: true });
execFileSync(
  process.execPath,
  [path("node_modules/typescript/bin/tsc"), "--project", "tsconfig.build.json"],
  { cwd: path("."), stdio: "inherit" },
);

const messages = new URL("messages/", DIST);
mkdirSync(messages);
const TYPES = `import type { Catalog } from "../messages.js";
declare const catalog: Catalog;
export default catalog;
`;
for (const [language, sentences] of catalogs()) {
  const text = JSON.stringify({ language, sentences }, null, 2);
  writeFileSync(new URL(`${language}.js`, messages), `export default ${text};\n`);
  writeFileSync(new URL(`${language}.d.ts`, messages), TYPES);
}

await build({
  absWorkingDir: path("."),
  banner: { js: `// ${name} ${version}, ${license}: the core in one file, to be copied.` },
  bundle: true,
  charset: "utf8",
  entryPoints: ["src/index.ts"],
  format: "esm",
  outfile: "dist/django-ai-kit-auth.js",
  target: "es2022",
});
writeFileSync(
  new URL("django-ai-kit-auth.d.ts", DIST),
  'export * from "./index.js";\n',
);

// npm packs no file from outside of this folder, and no link to one.
copyFileSync(new URL("../LICENSE", CLIENT), new URL("LICENSE", CLIENT));
