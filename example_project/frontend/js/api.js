// The client of the backend, and how the pages of this example use it.

import { HOST_URL } from "/config.js";
import { createClient } from "/vendor/django-ai-kit-auth.js";

import { language } from "./i18n.js";

export const auth = createClient({
  baseUrl: `${HOST_URL}/api/v1/auth/`,
  language,
  async onReauthenticate(need) {
    // Its dialogs use this client.
    const { reauthenticate } = await import("./reauthentication.js");
    return reauthenticate(need);
  },
});

/**
 * A result of the client that is not a success.
 * `fields`: {"<field>": ["<code>", ...]}; `codes`: what belongs to no field; `result`: as
 * the client gave it.
 */
export class Refusal extends Error {
  constructor(result) {
    super(result.error ?? `HTTP ${result.status}`);
    const { non_field_errors: general = [], ...fields } = result.errors;
    const codes = [result.error, ...general].filter(Boolean);
    Object.assign(this, { result, fields, codes });
  }

  /** Whether `code` is among what belongs to no field. */
  has(code) {
    return this.codes.includes(code);
  }
}

/** A refusal by the page itself: the same shape, without an answer of the backend. */
export function refusal(errors) {
  return new Refusal({ ok: false, status: 0, errors, params: {} });
}

/** The data of a call of the client, or a Refusal is thrown: a form shows it. */
export async function done(call) {
  const result = await call;
  if (!result.ok) throw new Refusal(result);
  return result.data;
}

/** GET the backend's outbox: a list of {"id", "date", "from", "to", "subject", ...}. */
export async function outbox() {
  return (await done(auth.request("GET", "/outbox/"))).messages;
}

export { HOST_URL };
