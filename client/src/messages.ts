/**
 * What to say to a person for an error code, in their language.
 *
 * The sentences are in modules of their own, `django-ai-kit-auth/messages/<language>`, so
 * that a bundler takes only the languages that a page imports. This module stands alone:
 * the core is not imported with it.
 */

/** The sentences of one language, by error code. */
export interface Catalog {
  /** The language of the sentences as a tag, such as "de" or "pt-br". */
  readonly language: string;
  /** `{min_length}` and its like are replaced by the parameters of the code. */
  readonly sentences: Readonly<Record<string, string>>;
}

/** The parameters of one code, such as `{ min_length: 12 }`. */
export type Params = Readonly<Record<string, boolean | number | string>>;

/** How {@link message} finds a sentence. */
export interface MessageOptions {
  /** The sentences to look in first. */
  readonly language: Catalog;
  /**
   * A catalog to look in second, such as the English one or the packaged one behind a
   * project's own. Or the text for a code that has no sentence.
   */
  readonly fallback?: Catalog | string | undefined;
  /** What the server, or the header `Retry-After`, says besides the code. */
  readonly params?: Params | undefined;
}

/** What {@link messages} reads of a failed result. */
export interface Failure {
  readonly error?: string | undefined;
  readonly errors?: Readonly<Record<string, readonly string[] | undefined>> | undefined;
  /** By field and code; those of `error` are below `error`. */
  readonly params?:
    | Readonly<Record<string, Readonly<Record<string, Params | undefined>> | undefined>>
    | undefined;
  /** The seconds of the header `Retry-After`. */
  readonly retryAfter?: number | undefined;
}

/** The sentences of a failed result. */
export interface Messages {
  /** The sentences below each field that has one. */
  readonly fields: Record<string, string[]>;
  /** The sentences that belong to no field. */
  readonly general: string[];
}

/** The key of the server for errors that belong to no field. */
const NO_FIELD = "non_field_errors";
/** The code that stands for codes without a sentence. */
const UNKNOWN = "unknown_code";
/** The code of a failure that says nothing about itself. */
const UNEXPECTED = "unexpected_answer";
const PLACEHOLDER = /\{(\w+)\}/g;
// The stops of the packaged languages. That of Chinese and Japanese has no space after it.
const SENTENCE = /.+?(?:[.!?…।؟۔]+(?=\s|$)|[。！？]+|$)/gsu;

/**
 * Return the sentence for an error code.
 *
 * A placeholder is replaced by its parameter; a number is written as the language writes
 * numbers. A sentence whose parameter is missing is left out, so that "This password is
 * too short. Minimum number of characters: {min_length}." is "This password is too
 * short." without `min_length`.
 *
 * A code without a sentence, or with none that can be said, gets the fallback's text; or
 * the sentence for unknown codes with the code in brackets; or, where the catalogs have
 * none either, the code. It never throws, and the text is never empty.
 */
export function message(code: string, options: MessageOptions): string {
  const catalogs = catalogsOf(options);
  const { fallback, params } = options;
  const known = said(code, catalogs, params);
  if (known !== undefined) {
    return known;
  }
  if (typeof fallback === "string") {
    return fallback;
  }
  const unknown = said(UNKNOWN, catalogs);
  return unknown === undefined ? code : `${unknown} (${code})`;
}

/**
 * Return the sentences of a failed result, by field and for none.
 *
 * Two codes with the same sentence give it once. A result that names no code at all gets
 * the sentence for an answer that was not expected, so that a failure is never silent.
 * `options` are those of {@link message}; the parameters come from the result.
 */
export function messages(
  failure: Failure,
  options: Omit<MessageOptions, "params">,
): Messages {
  const { error, errors = {}, params = {}, retryAfter } = failure;
  const sentences = (field: string, codes: readonly string[]): string[] => {
    const byCode = own(params, field) ?? {};
    const texts = codes.map((code) =>
      message(code, {
        ...options,
        params: {
          ...own(byCode, code),
          // What is left now, where the client has counted it down since the answer.
          ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
        },
      }),
    );
    return [...new Set(texts)];
  };
  const general = error === undefined ? [] : sentences("error", [error]);
  const fields: [string, string[]][] = [];
  for (const [field, codes = []] of Object.entries(errors)) {
    if (field === NO_FIELD) {
      general.push(...sentences(field, codes));
    } else if (codes.length > 0) {
      fields.push([field, sentences(field, codes)]);
    }
  }
  if (general.length + fields.length === 0) {
    general.push(message(UNEXPECTED, options));
  }
  // Not by assignment: a field may be called "__proto__".
  return { fields: Object.fromEntries(fields), general };
}

/**
 * Return a catalog of a project's own sentences.
 *
 * `manage.py ai_kit_auth_codes --lang de --out de.json` writes them. They lack the codes
 * that the client gives by itself, so pass the packaged catalog as `fallback`.
 */
export function catalog(
  language: string,
  sentences: Readonly<Record<string, string>>,
): Catalog {
  return { language, sentences };
}

function catalogsOf({ language, fallback }: MessageOptions): Catalog[] {
  return typeof fallback === "object" ? [language, fallback] : [language];
}

/** Return what can be said for a code, undefined for nothing. */
function said(
  code: string,
  catalogs: readonly Catalog[],
  params: Params = {},
): string | undefined {
  for (const { language, sentences } of catalogs) {
    const text = filled(own(sentences, code) ?? "", params, language);
    if (text !== "") {
      return text;
    }
  }
  return undefined;
}

/** Return those sentences of a text whose parameters are there, with them. */
function filled(text: string, params: Params, language: string): string {
  let whole = "";
  for (const [sentence] of text.matchAll(SENTENCE)) {
    const missing: string[] = [];
    const written = sentence.replace(PLACEHOLDER, (_, name: string) => {
      const value = own(params, name);
      if (value === undefined) {
        missing.push(name);
      }
      return typeof value === "number" ? number(value, language) : String(value);
    });
    whole += missing.length === 0 ? written : "";
  }
  return whole.trim();
}

function number(value: number, language: string): string {
  try {
    return new Intl.NumberFormat(language).format(value);
  } catch {
    // The language of a project's own catalog may be no tag.
    return String(value);
  }
}

/** Return the value of a key; not what every object inherits, such as "constructor". */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
