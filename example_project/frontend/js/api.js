// The only module that sends requests to the backend.

import { HOST_URL } from "/config.js";
import { language } from "./i18n.js";

const API_URL = `${HOST_URL}/api/v1/auth/`;

// Lives in memory only: with CSRF_USE_SESSIONS there is no cookie to read it from, and
// another origin could not read that cookie anyway.
let csrf = null;

/**
 * An answer that is not a success.
 * `fields`: {"<field>": ["<code>", ...]}; `codes`: what belongs to no field;
 * `network`: no answer came, or the browser kept it from us (CORS). `retryAfter`: how
 * many seconds to wait, where the answer is that there were too many requests.
 */
export class ApiError extends Error {
  constructor({ status = 0, fields = {}, codes = [], network = false, retryAfter = 60 }) {
    super(network ? "network" : `HTTP ${status}`);
    Object.assign(this, { status, fields, codes, network, retryAfter });
  }

  /** Whether `code` is among what belongs to no field. */
  has(code) {
    return this.codes.includes(code);
  }
}

function toError({ status, headers }, body) {
  // A proxy or a crashed backend answers with a body that is not our JSON.
  if (body === null || typeof body !== "object") {
    return new ApiError({ status, codes: ["error"] });
  }
  const { error, non_field_errors: general, ...fields } = body;
  const codes = [error, ...(general ?? [])].filter(Boolean);
  // The backend names the header in CORS_EXPOSE_HEADERS, or the browser would hide it.
  const retryAfter = headers.get("Retry-After") ?? undefined;
  return new ApiError({ status, fields, codes, retryAfter });
}

async function request(url, options) {
  let response;
  let body = null;
  try {
    response = await fetch(url, {
      credentials: "include",
      ...options,
      headers: { "Accept-Language": language(), ...options.headers },
    });
    // 204 has no body.
    body = response.status === 204 ? {} : await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!response) throw new ApiError({ network: true });
  }
  if (body !== null && typeof body.csrf === "string") csrf = body.csrf;
  if (response.ok && body !== null) return body;
  const error = toError(response, body);
  // The token is of no use any more: a stale one, or one that a session which has ended
  // took with it. The next attempt, which is the person's to make, begins with a fresh
  // one.
  if (error.has("csrf_failed") || error.has("not_authenticated")) csrf = null;
  throw error;
}

/** GET me/: {"user": {...} or null, "csrf": "..."}. */
export function me() {
  return request(`${API_URL}me/`, { method: "GET" });
}

/** GET another endpoint ("factors/"); return its JSON or throw ApiError. */
export function get(endpoint) {
  return request(API_URL + endpoint, { method: "GET" });
}

/** POST `body` as JSON to an endpoint ("login/"); return its JSON or throw ApiError. */
export function post(endpoint, body, { signal } = {}) {
  return write("POST", endpoint, body, signal);
}

/** PATCH, in the same way. */
export function patch(endpoint, body) {
  return write("PATCH", endpoint, body);
}

/** DELETE, in the same way; `body` has the proof that the endpoint may ask for. */
export function remove(endpoint, body) {
  return write("DELETE", endpoint, body);
}

async function write(method, endpoint, body, signal) {
  if (csrf === null) await me();
  return request(API_URL + endpoint, {
    method,
    signal,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(body),
  });
}

/** GET the backend's outbox: a list of {"id", "date", "from", "to", "subject", ...}. */
export async function outbox() {
  return (await request(`${HOST_URL}/outbox/`, { method: "GET" })).messages;
}

export { HOST_URL };
