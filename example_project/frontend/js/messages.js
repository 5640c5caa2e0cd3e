// Turns an ApiError into sentences.

import { HOST_URL } from "./api.js";
import { el, say } from "./dom.js";

/** A list of the sentences for error codes. */
export function codeList(codes, attributes = {}) {
  const items = codes.map((code) => say("li", `errors.${code}`));
  return el("ul", { class: "codes", ...attributes }, ...items);
}

/** What to say when the host did not answer. */
export function networkMessage() {
  return say("p", "app.network", {}, { url: HOST_URL, origin: location.origin });
}

/** What to say about an error that has no place beside a field. */
export function errorMessage(error) {
  if (error.network) return networkMessage();
  const strays = Object.values(error.fields).flat();
  const codes = [...new Set([...error.codes, ...strays])];
  return codeList(codes.length ? codes : ["error"]);
}
