/** Passkeys: between the JSON of the backend and the browser's WebAuthn. */

import type { ClientCode } from "./types.js";

/** The JSON of a credential, as `PublicKeyCredential.toJSON()` makes it. */
export type CredentialJSON = Record<string, unknown>;

/** What a question to the person came to. */
export type Asked = { credential: CredentialJSON } | { code: ClientCode };

type Options = Record<string, unknown>;
type Descriptor = PublicKeyCredentialDescriptor & { id: unknown };

// The names of DOMExceptions.
const CODES: Partial<Record<string, ClientCode>> = {
  AbortError: "aborted",
  // The person said no, or was too slow. Browsers do not tell which.
  NotAllowedError: "passkey_cancelled",
  // The device has a passkey of this account.
  InvalidStateError: "passkey_exists",
  // The relying party does not suit the address of the page.
  SecurityError: "passkey_not_here",
  NotSupportedError: "passkey_not_supported",
};

/** The methods of `PublicKeyCredential` that not every browser has. */
interface Recent {
  parseCreationOptionsFromJSON?: (options: Options) => PublicKeyCredentialCreationOptions;
  parseRequestOptionsFromJSON?: (options: Options) => PublicKeyCredentialRequestOptions;
  isConditionalMediationAvailable?: () => Promise<boolean>;
  signalUnknownCredential?: (what: { rpId: string; credentialId: string }) => Promise<void>;
  signalAllAcceptedCredentials?: (what: {
    rpId: string;
    userId: string;
    allAcceptedCredentialIds: string[];
  }) => Promise<void>;
}

function recent(): Recent {
  return PublicKeyCredential as unknown as Recent;
}

/** Whether the browser has WebAuthn, and the page may use it (HTTPS or localhost). */
export function isSupported(): boolean {
  return typeof PublicKeyCredential !== "undefined";
}

/** Whether the browser offers passkeys in the list of a field. */
export async function canAutofill(): Promise<boolean> {
  return isSupported() && ((await recent().isConditionalMediationAvailable?.()) ?? false);
}

// A browser answers one question at a time: the last one wins. But a list that is offered
// does not end a question that the person has asked for.
let question = new AbortController();
let isWanted = false;

async function ask(
  signal: AbortSignal | undefined,
  conditional: boolean,
  open: (signal: AbortSignal) => Promise<Credential | null>,
): Promise<Asked> {
  if (conditional && isWanted) return { code: "aborted" };
  question.abort();
  const own = (question = new AbortController());
  const abort = (): void => {
    own.abort();
  };
  if (signal?.aborted) return { code: "aborted" };
  signal?.addEventListener("abort", abort);
  isWanted = !conditional;
  try {
    const credential = await open(own.signal);
    return credential
      ? { credential: toJSON(credential as PublicKeyCredential) }
      : { code: "passkey_cancelled" };
  } catch (error) {
    return { code: CODES[(error as Error).name] ?? "passkey_not_supported" };
  } finally {
    if (question === own) isWanted = false;
    signal?.removeEventListener("abort", abort);
  }
}

/** Make a passkey by the `publicKey` of the backend. */
export function create(publicKey: Options, signal?: AbortSignal): Promise<Asked> {
  return ask(signal, false, (signal) =>
    navigator.credentials.create({
      publicKey:
        recent().parseCreationOptionsFromJSON?.(publicKey) ??
        (withBytes(publicKey) as unknown as PublicKeyCredentialCreationOptions),
      signal,
    }),
  );
}

/** Let the person choose a passkey; `conditional` in the list of a field. */
export function use(
  publicKey: Options,
  signal?: AbortSignal,
  conditional = false,
): Promise<Asked> {
  return ask(signal, conditional, (signal) =>
    navigator.credentials.get({
      publicKey:
        recent().parseRequestOptionsFromJSON?.(publicKey) ??
        (withBytes(publicKey) as unknown as PublicKeyCredentialRequestOptions),
      signal,
      ...(conditional && { mediation: "conditional" }),
    }),
  );
}

/** Tell the browser that the backend does not know a passkey, so that it is offered no more. */
export async function signalUnknown(rpId: string, credentialId: string): Promise<void> {
  await recent()
    .signalUnknownCredential?.({ rpId, credentialId })
    .catch(() => undefined);
}

/** Tell the browser which passkeys of the user the backend knows: all others go. */
export async function signalAccepted(creation: Options, added: string[]): Promise<void> {
  const { rp, user, excludeCredentials = [] } = creation as {
    rp: { id: string };
    user: { id: string };
    excludeCredentials?: { id: string }[];
  };
  await recent()
    .signalAllAcceptedCredentials?.({
      rpId: rp.id,
      userId: user.id,
      allAcceptedCredentialIds: [...excludeCredentials.map(({ id }) => id), ...added],
    })
    .catch(() => undefined);
}

/** Whether the browser listens to `signalAccepted()`. */
export function takesSignals(): boolean {
  return isSupported() && "signalAllAcceptedCredentials" in PublicKeyCredential;
}

// What follows serves browsers before Chromium 129, Firefox 119 and Safari 18.4. The JSON is
// that of WebAuthn Level 3, section 5.1.8.

function withBytes(options: Options): Options {
  const { challenge, user, allowCredentials, excludeCredentials } = options;
  return {
    ...options,
    challenge: bytes(challenge),
    ...(user ? { user: { ...user, id: bytes((user as Options).id) } } : {}),
    ...(allowCredentials ? { allowCredentials: described(allowCredentials) } : {}),
    ...(excludeCredentials ? { excludeCredentials: described(excludeCredentials) } : {}),
  };
}

function described(credentials: unknown): Descriptor[] {
  return (credentials as Descriptor[]).map((one) => ({ ...one, id: bytes(one.id) }));
}

function toJSON(credential: PublicKeyCredential): CredentialJSON {
  if (typeof (credential as { toJSON?: unknown }).toJSON === "function") {
    return credential.toJSON() as CredentialJSON;
  }
  const given = credential.response as unknown as Record<string, unknown>;
  const response: Options = {};
  for (const name of [
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle",
  ]) {
    if (given[name]) response[name] = text(given[name] as ArrayBuffer);
  }
  const transports = (given as { getTransports?: () => string[] }).getTransports?.();
  if (transports) response.transports = transports;
  return {
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

/** The bytes of base64url. */
function bytes(encoded: unknown): Uint8Array<ArrayBuffer> {
  const base64 = String(encoded).replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}
