// Passkeys: what the browser's WebAuthn needs and returns, as the JSON of the backend.

import { ApiError } from "./api.js";

// DOMException.name → a code of this page. The rest is a bug.
const CODES = {
  // The person said no, or was too slow. Browsers do not tell which.
  NotAllowedError: "passkey_cancelled",
  // The authenticator has a passkey of this account already.
  InvalidStateError: "passkey_exists",
  // The relying party does not suit the address of this page.
  SecurityError: "passkey_not_here",
  NotSupportedError: "passkey_not_supported",
};

/** Whether this browser has what the functions below need. */
export function areSupported() {
  return Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
}

/** Whether the browser can offer passkeys in the list of a field. */
export async function canAutofill() {
  return (
    areSupported() && ((await PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false)
  );
}

/** Make a passkey by the backend's `publicKey`. Return its JSON or throw ApiError. */
export function create(publicKey) {
  return asked(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
    }),
  );
}

/**
 * Let the person choose a passkey. Return its answer's JSON or throw ApiError.
 * `mediation`: "conditional" offers it in the list of a field, until `signal` aborts.
 */
export function use(publicKey, { signal, mediation } = {}) {
  return asked(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
      signal,
      mediation,
    }),
  );
}

async function asked(question) {
  try {
    return (await question()).toJSON();
  } catch (error) {
    const code = CODES[error.name];
    if (!code) throw error;
    throw new ApiError({ codes: [code] });
  }
}
