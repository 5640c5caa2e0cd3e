/**
 * What to say to a person for an error code, in their language.
 *
 * This module stands alone: neither the core nor a language is imported with it.
 */

/** The sentences of one language, by error code. */
export interface Catalog {
  /** A language tag, such as "de" or "pt-br". */
  readonly language: string;
  readonly sentences: Readonly<Record<string, string>>;
}
