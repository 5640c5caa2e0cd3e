// Sentences in two languages. Elements name their sentence in `data-i18n`, so that
// switching the language rewrites the page in place and typed input survives.

export const LANGUAGES = ["en", "de"];
const STORAGE_KEY = "language";

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
      const [own, codes] = await Promise.all(
        ["i18n", "codes"].map(async (folder) =>
          (await fetch(`/${folder}/${code}.json`)).json(),
        ),
      );
      // The backend's package has the sentences of its codes; those of other codes are ours.
      dictionaries[code] = { ...own, errors: { ...codes, ...own.errors } };
    }),
  );
}

/**
 * Return the sentence for `key` with `{name}` replaced by `params.name`.
 * "errors.<code>" gives the sentence of an error code, also of an unknown code.
 */
export function t(key, params = {}) {
  const dictionary = dictionaries[current];
  let sentence = dictionary[key];
  if (key.startsWith("errors.")) {
    const code = key.slice("errors.".length);
    // hasOwn: a code named "constructor" must not find a function.
    if (Object.hasOwn(dictionary.errors, code)) {
      sentence = dictionary.errors[code];
    } else {
      sentence = dictionary.errors_unknown;
      params = { code };
    }
  }
  return sentence.replace(/\{(\w+)\}/g, (match, name) => params[name] ?? match);
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
