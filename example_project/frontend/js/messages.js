// Turns an ApiError into sentences.

import { HOST_URL } from "./api.js";
import { el, say } from "./dom.js";

/**
 * A list of the sentences for error codes. `sentences`: keys by code, where a code means
 * something else than it does in general. `params`: what the sentences leave open.
 */
export function codeList(codes, sentences = {}, params = {}) {
  const items = codes.map((code) =>
    say("li", sentences[code] ?? `errors.${code}`, {}, params),
  );
  return el("ul", { class: "codes" }, ...items);
}

/** The text for a backend that does not answer. */
export function networkMessage() {
  return say("p", "app.network", {}, { url: HOST_URL, origin: location.origin });
}

/** What to say about an error that has no place beside a field. */
export function errorMessage(error) {
  if (error.network) return networkMessage();
  const strays = Object.values(error.fields).flat();
  const codes = [...new Set([...error.codes, ...strays])];
  return codeList(codes.length ? codes : ["error"], {}, { retry_after: error.retryAfter });
}
