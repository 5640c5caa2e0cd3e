// Copies what the example uses of the build into its frontend, which needs no node.
// With --check it only tells whether the copies are those of the current build.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const DIST = new URL("../dist/", import.meta.url);
const VENDOR = new URL("../../example_project/frontend/vendor/", import.meta.url);
const FILES = ["django-ai-kit-auth.js", "messages.js", "messages/de.js", "messages/en.js"];

const isCheck = process.argv.includes("--check");
if (!isCheck) mkdirSync(new URL("messages/", VENDOR), { recursive: true });
for (const file of FILES) {
  const built = readFileSync(new URL(file, DIST), "utf8");
  const copy = new URL(file, VENDOR);
  if (!isCheck) {
    writeFileSync(copy, built);
  } else if (read(copy) !== built) {
    console.error(
      `${file} in the example is not the current build. Run "npm run build && npm run example" ` +
        "in the folder client, and commit the file.",
    );
    process.exitCode = 1;
  }
}

/** @param {URL} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
