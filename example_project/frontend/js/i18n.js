// Sentences in two languages. Elements name their sentence in `data-i18n`, so that
// switching the language rewrites the page in place and typed input survives.

import { message } from "/vendor/messages.js";
import german from "/vendor/messages/de.js";
import english from "/vendor/messages/en.js";

export const LANGUAGES = ["en", "de"];
const STORAGE_KEY = "language";

// The sentences for error codes are those of the package.
const CATALOGS = { en: english, de: german };
const dictionaries = {};
let current = preferred();

/** The language in use: "en" or "de". */
export function language() {
  return current;
}

function preferred() {
  let stored = null;
  try {
    stored = localStorage.getItem(STORAGE_KEY);
  } catch {
    // Storage may be blocked; the page works without it.
  }
  if (LANGUAGES.includes(stored)) return stored;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

/** Load the sentences of all languages. To be awaited once, before `t` is called. */
export async function load() {
  await Promise.all(
    LANGUAGES.map(async (code) => {
      dictionaries[code] = await (await fetch(`/i18n/${code}.json`)).json();
    }),
  );
}

/**
 * Return the sentence for `key` with `{name}` replaced by `params.name`.
 * "errors.<code>" gives the sentence of an error code, also of an unknown code.
 */
export function t(key, params = {}) {
  if (key.startsWith("errors.")) {
    const code = key.slice("errors.".length);
    // Codes of this example's own, and of Django REST framework for what it does not use.
    const own = { language: current, sentences: dictionaries[current].errors };
    return message(code, { params, language: own, fallback: CATALOGS[current] });
  }
  return dictionaries[current][key].replace(/\{(\w+)\}/g, (match, name) => params[name] ?? match);
}

/** Switch to `code`, remember it and rewrite the page. */
export function setLanguage(code) {
  current = code;
  try {
    localStorage.setItem(STORAGE_KEY, code);
  } catch {
    // See above.
  }
  apply(document);
}

/** Write the sentences of everything below `root`. */
export function apply(root) {
  document.documentElement.lang = current;
  for (const element of root.querySelectorAll("[data-i18n]")) {
    const { i18n, i18nParams } = element.dataset;
    element.textContent = t(i18n, i18nParams ? JSON.parse(i18nParams) : {});
  }
  for (const element of root.querySelectorAll("[data-i18n-aria-label]")) {
    element.setAttribute("aria-label", t(element.dataset.i18nAriaLabel));
  }
  for (const element of root.querySelectorAll("time[datetime]")) {
    element.textContent = new Intl.DateTimeFormat(current, {
      dateStyle: "medium",
      timeStyle: "short",
    }).format(new Date(element.dateTime));
  }
}
