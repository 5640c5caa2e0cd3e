// The sentences of the server and those of the client, together by language.
import { readdirSync, readFileSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);
const SERVER = new URL("ai_kit_auth/", ROOT);
const OWN = new URL("../codes/", import.meta.url);

/**
 * Return pairs of a language and its sentences by code, sorted by language.
 *
 * The files are "codes/<language>.json": beside each capability of the server, the core
 * first, and in this package. Throws where a language lacks a file that English has, or
 * where a code has two sentences.
 *
 * @returns {[string, Record<string, string>][]}
 */
export function catalogs() {
  const folders = [new URL("codes/", SERVER), ...foldersOfApps(SERVER), OWN];
  return languages(OWN).map((language) => {
    /** @type {Record<string, string>} */
    const sentences = {};
    for (const folder of folders) {
      const file = new URL(`${language}.json`, folder);
      for (const [code, sentence] of Object.entries(read(file))) {
        if (Object.hasOwn(sentences, code)) {
          throw new Error(`${file.pathname}: ${code} has a sentence already.`);
        }
        sentences[code] = sentence;
      }
    }
    return [language, sentences];
  });
}

/**
 * @param {URL} file
 * @returns {Record<string, string>}
 */
function read(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * Return the folders "codes/" below the packages in a folder, at any depth.
 *
 * @param {URL} folder
 * @returns {URL[]}
 */
function foldersOfApps(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "codes")
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const below = new URL(`${entry.name}/`, folder);
      const codes = readdirSync(below).includes("codes") ? [new URL("codes/", below)] : [];
      return [...codes, ...foldersOfApps(below)];
    });
}

/**
 * Return the languages that a folder has files in.
 *
 * @param {URL} folder
 */
function languages(folder) {
  return readdirSync(folder)
    .map((name) => name.replace(/\.json$/, ""))
    .sort();
}
