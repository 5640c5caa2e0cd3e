// Turns a Refusal into sentences.

import { HOST_URL } from "./api.js";
import { el, say } from "./dom.js";

/**
 * A list of the sentences for error codes. `sentences`: keys by code, where a code means
 * something else than it does in general. `params`: by code, what the sentences name.
 */
export function codeList(codes, sentences = {}, params = {}) {
  const items = codes.map((code) =>
    say("li", sentences[code] ?? `errors.${code}`, {}, params[code]),
  );
  return el("ul", { class: "codes" }, ...items);
}

/** The text for a backend that does not answer. */
export function networkMessage() {
  return say("p", "app.network", {}, { url: HOST_URL, origin: location.origin });
}

/** What to say about an error that has no place beside a field. */
export function errorMessage({ codes, fields, result }) {
  if (isNetwork(result)) return networkMessage();
  const all = [...new Set([...codes, ...Object.values(fields).flat()])];
  const params = { ...result.params.error, ...result.params.non_field_errors };
  const { retryAfter } = result;
  if (retryAfter) for (const code of all) params[code] = { retry_after: retryAfter };
  return codeList(all.length ? all : ["unexpected_answer"], {}, params);
}

/** Whether no answer came, or the browser kept it from the page (CORS). */
export function isNetwork({ error }) {
  return error === "network_error" || error === "timeout";
}
