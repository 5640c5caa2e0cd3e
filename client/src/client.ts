/** The client: one object for a backend, with its CSRF token and its user. */

import { ENDPOINTS, type OperationId } from "./endpoints.js";
import { forgetLink, type Link, takeLink } from "./links.js";
import * as browser from "./passkeys.js";
import { createQueue } from "./queue.js";
import { openTabs } from "./tabs.js";
import { type Answer, failed, type Fetch, send } from "./transport.js";
import type {
  Body,
  Call,
  CallOptions,
  Calls,
  ClientCode,
  Failure,
  Method,
  operations,
  Params,
  Proof,
  Purpose,
  Reauthentication,
  Refusal,
  Result,
  SecondFactorNeeded,
  Success,
  UserOf,
} from "./types.js";

export interface ClientOptions<Ops extends object = operations> {
  /** Where the project includes `ai_kit_auth.urls`: `https://api.example.com/api/v1/auth/`. */
  baseUrl: string;
  /** For `Accept-Language`, in which the backend writes mails: `de`, or a function. */
  language?: string | (() => string);
  /** Instead of the global `fetch`. */
  fetch?: Fetch;
  /** More headers for each request, such as the cookies of a visitor on a server. */
  headers?: () => Record<string, string>;
  /** The project's CSRF_HEADER_NAME, if it is not Django's: `X-CSRFToken`. */
  csrfHeader?: string;
  /** Milliseconds until a call is given up: 30,000. 0 waits for ever. */
  timeout?: number;
  /** Called with each other user of the session, null for none. */
  onUser?: (user: UserOf<Ops> | null) => void;
  /** Called when a request needs a login that the session does not have, or no longer. */
  onUnauthenticated?: () => void;
  /**
   * Asks the person for re-authentication. The call is repeated with what it returns in the
   * body: `{ password }`, or `{}` after `confirmPassword()`. null gives up.
   */
  onReauthenticate?: (need: Reauthentication) => Promise<Proof | null>;
  /** Asks the person for the second factor of a login; null leaves that to the page. */
  onSecondFactor?: (methods: Method<Ops>[]) => Promise<Body<Ops, "second_factor"> | null>;
}

/** What a page knows of a mailed link before it is used. */
export type LinkStatus = "valid" | "used" | "invalid" | "unknown";

/** The operation that a link of each purpose is for. */
interface LinkOperations {
  activation: "activate_email";
  reset_password: "reset_password";
  confirm_email: "confirm_email";
}

export interface LinkAction<Ops, P extends Purpose> {
  /** null where the address of the page has none. */
  link: Link | null;
  /** Ask `link_status/`. `unknown`: the backend has no such endpoint, or did not answer. */
  status: (options?: CallOptions) => Promise<LinkStatus>;
  /** Use the link. Only for a click of a person: mail scanners open links, too. */
  submit: (
    body?: Omit<Body<Ops, LinkOperations[P]>, "ident" | "token">,
    options?: CallOptions,
  ) => Promise<Result<Ops, LinkOperations[P]>>;
}

export interface Factors<Ops> {
  list: Call<Ops, "factors">;
  enrolTotp: Call<Ops, "enrol_totp">;
  confirmTotp: Call<Ops, "confirm_totp">;
  removeTotp: Call<Ops, "remove_totp">;
  renewRecoveryCodes: Call<Ops, "renew_recovery_codes">;
}

export interface Sessions<Ops> {
  list: Call<Ops, "sessions">;
  rename: (
    id: string,
    body: Body<Ops, "name_session">,
    options?: CallOptions,
  ) => Promise<Result<Ops, "name_session">>;
  end: (
    id: string,
    body?: Body<Ops, "end_session">,
    options?: CallOptions,
  ) => Promise<Result<Ops, "end_session">>;
  /** End all but this one. */
  endOthers: Call<Ops, "end_sessions">;
}

export interface PasskeyLogin extends CallOptions {
  conditional?: boolean;
  remember?: boolean | (() => boolean);
}

/** Each of these that asks the browser may also have one of the `passkey_…` codes. */
export interface Passkeys<Ops> {
  isSupported: () => boolean;
  /** Whether the browser offers passkeys in the list of a field. */
  canAutofill: () => Promise<boolean>;
  /**
   * `conditional`: in the list of a field, until the person chooses or `signal` aborts.
   * `remember`: whether the session outlives the browser; a function is asked when the
   * person has chosen.
   */
  login: (options?: PasskeyLogin) => Promise<Refusal<Ops, "passkey_login_options"> | Result<Ops, "passkey_login">>;
  /** Prove the second factor of a login. */
  secondFactor: (
    options?: CallOptions & { trust?: boolean },
  ) => Promise<Refusal<Ops, "second_factor_passkey_options"> | Result<Ops, "second_factor">>;
  /** Re-authenticate, as `confirmPassword()` does. */
  confirm: (
    options?: CallOptions,
  ) => Promise<Refusal<Ops, "second_factor_passkey_options"> | Result<Ops, "confirm_password">>;
  add: (
    name: string,
    proof?: Proof,
    options?: CallOptions,
  ) => Promise<Refusal<Ops, "passkey_options"> | Result<Ops, "add_passkey">>;
  rename: (
    id: number,
    body: Body<Ops, "rename_passkey">,
    options?: CallOptions,
  ) => Promise<Result<Ops, "rename_passkey">>;
  remove: (
    id: number,
    proof?: Proof,
    options?: CallOptions,
  ) => Promise<Result<Ops, "remove_passkey">>;
  /** Activate an account that has no password, with a passkey instead. */
  signUp: (
    link: Link,
    name?: string,
    options?: CallOptions,
  ) => Promise<Refusal<Ops, "activate_passkey_options"> | Result<Ops, "activate_email">>;
}

export interface Client<Ops extends object = operations> extends Calls<Ops> {
  /** The user of the session, null for none; undefined until an answer has told. */
  getUser: () => UserOf<Ops> | null | undefined;
  /** Call `listener` after each change of the user; the result unsubscribes it. */
  subscribe: (listener: (user: UserOf<Ops> | null) => void) => () => void;
  login: (
    body: Body<Ops, "login">,
    options?: CallOptions,
  ) => Promise<
    | Result<Ops, "login" | "second_factor">
    | Refusal<Ops, "second_factor_methods">
    | SecondFactorNeeded<Ops>
  >;
  /** The link in the address of this page, which is taken out of it. */
  link: <P extends Purpose>(purpose: P, link?: Link | null) => LinkAction<Ops, P>;
  passkey: Passkeys<Ops>;
  factors: Factors<Ops>;
  sessions: Sessions<Ops>;
  /** Any operation by its `operationId`. */
  call: <Id extends OperationId>(
    operation: Id,
    request?: { id?: string | number; body?: Body<Ops, Id> },
    options?: CallOptions,
  ) => Promise<Result<Ops, Id>>;
  /**
   * A request to an endpoint of the project's own, with the cookies and the CSRF token.
   * `path`: below the backend's origin, such as `/api/orders/`. Rejects with a `TypeError`
   * for an address of another origin. `data` is the JSON of the answer, also of a refusal.
   */
  request: (
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ) => Promise<Success<unknown> | (Failure & { data: unknown })>;
  /**
   * The token for the header of a request that another library sends, after all calls that
   * may change it. undefined where the backend gives none; `me()` says why.
   */
  csrfToken: () => Promise<string | undefined>;
  /** Listen to other tabs no more. */
  close: () => void;
}

type JSONObject = Record<string, unknown>;
type AnyResult = Success<unknown> | Failure;

// A passkey, the password and a second factor.
const MOST_QUESTIONS = 3;
// The backend keeps a challenge longer. A passkey that is refused so soon after its
// challenge is refused for what it is.
const FRESH_CHALLENGE = 300_000;
const LINKS = {
  activation: "activate_email",
  reset_password: "reset_password",
  confirm_email: "confirm_email",
} as const;

/**
 * Make the client of a backend. A page has one, or the tokens of two would not agree.
 *
 * No call throws or rejects: what goes wrong, the network too, is a result with
 * `ok: false`.
 */
export function createClient<Ops extends object = operations>(
  settings: ClientOptions<Ops>,
): Client<Ops> {
  type User = UserOf<Ops>;
  const base: string = settings.baseUrl.replace(/\/*$/, "/");
  const queue = createQueue();
  const listeners = new Set<(user: User | null) => void>();
  // SECURITY: in memory alone. With CSRF_USE_SESSIONS there is no cookie to read it from,
  // and a page of another origin could not read that cookie.
  let csrf: string | undefined;
  let user: User | null | undefined;
  const hasToken = (): boolean => csrf !== undefined;
  let asking: Promise<Answer> | undefined;
  // What the backend asked to wait with, by path.
  const waits = new Map<string, { request: string; until: number; answer: Answer }>();

  const tabs = openTabs(`django-ai-kit-auth ${base}`, () => {
    csrf = undefined;
    if (user !== undefined) void call("me");
  });

  function setUser(next: User | null): void {
    const isSame = JSON.stringify(next) === JSON.stringify(user);
    user = next;
    if (isSame) return;
    settings.onUser?.(next);
    for (const listener of listeners) listener(next);
  }

  /** One request as it is, and what its answer tells of the session. */
  async function transmit(
    method: string,
    url: string,
    body: unknown,
    { signal, timeout = settings.timeout ?? 30_000 }: CallOptions,
  ): Promise<Answer> {
    const { language } = settings;
    const said = typeof language === "function" ? language() : language;
    const answer = await send(
      settings.fetch ?? ((url, init) => fetch(url, init)),
      url,
      {
        method,
        credentials: "include",
        headers: {
          Accept: "application/json",
          ...(said && { "Accept-Language": said }),
          ...(body !== undefined && { "Content-Type": "application/json" }),
          ...(method !== "GET" && csrf && { [settings.csrfHeader ?? "X-CSRFToken"]: csrf }),
          ...settings.headers?.(),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      },
      { signal, timeout },
    );
    // Another endpoint's "user" is another thing.
    if (!url.startsWith(base)) return answer;
    const content = answer.body as JSONObject;
    const before = [csrf, user];
    if (typeof content.csrf === "string") csrf = content.csrf;
    if (answer.status < 300 && !answer.failure && content.user !== undefined) {
      setUser(content.user as User | null);
    }
    // The other tabs' tokens are of the session that this answer has replaced.
    if (method !== "GET" && (csrf !== before[0] || user !== before[1])) tabs.tell();
    return answer;
  }

  /** Fetch a token, once for all calls that wait for it. */
  function fetchToken(): Promise<Answer> {
    // Not with the signal of one of them: another one may still want it.
    asking ??= transmit("GET", `${base}me/`, undefined, {}).finally(() => {
      asking = undefined;
    });
    return asking;
  }

  /** A request with a token, in its turn. */
  function inTurn(
    method: string,
    url: string,
    body: unknown,
    traits: string,
    options: CallOptions,
  ): Promise<Answer> {
    const request = JSON.stringify([method, url, body]);
    const lane = traits.includes("shared") || method === "GET" ? "shared" : "exclusive";
    const running = queue[lane](async () => {
      // It was aborted while others were under way.
      if (options.signal?.aborted) return failed(0, "aborted");
      const wait = waits.get(url);
      const left = wait?.request === request ? Math.ceil((wait.until - Date.now()) / 1000) : 0;
      if (wait && left > 0) return { ...wait.answer, retryAfter: left };
      const needsToken = method !== "GET" && !traits.includes("public");
      for (let attempt = 1; ; attempt += 1) {
        if (needsToken && !hasToken()) {
          const asked = await fetchToken();
          if (!hasToken()) return asked;
        }
        const answer = await transmit(method, url, body, options);
        const { retryAfter } = answer;
        if (retryAfter) {
          waits.set(url, { request, until: Date.now() + retryAfter * 1000, answer });
        }
        if ((answer.body as JSONObject).error !== "csrf_failed") return answer;
        // The token was of another session. A request that failed by it did nothing, so it
        // may be sent again.
        csrf = undefined;
        if (attempt === 2) return answer;
        const asked = await fetchToken();
        if (!hasToken()) return asked;
      }
    });
    return orAborted(running, options.signal);
  }

  /** A request, and the re-authentication that it may need. */
  async function perform(
    method: string,
    url: string,
    body: unknown,
    traits: string,
    options: CallOptions,
  ): Promise<AnyResult> {
    let proven = body;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await inTurn(method, url, proven, traits, options);
      const result = resultOf(answer);
      if (result.ok) return result;
      // The refusals of the project's own endpoints have shapes of their own.
      if (traits === "own") Object.assign(result, { data: answer.body });
      if (result.error === "not_authenticated") {
        csrf = undefined;
        setUser(null);
        settings.onUnauthenticated?.();
      }
      const code = missingProof(result, proven, traits);
      if (!code || !settings.onReauthenticate || attempt > MOST_QUESTIONS) return result;
      const proof = await settings.onReauthenticate({ code, attempt });
      if (!proof) return result;
      proven = { ...(proven as object | undefined), ...proof };
    }
  }

  async function call(
    operation: OperationId,
    { id, body }: { id?: string | number; body?: unknown } = {},
    options: CallOptions = {},
  ): Promise<AnyResult> {
    const [method, path, traits = ""] = ENDPOINTS[operation] as readonly [string, string, string?];
    const url = base + path.replace("{id}", encodeURIComponent(String(id)));
    const sent = method === "GET" ? undefined : (body ?? {});
    const result = await perform(method, url, sent, traits, options);
    if (result.ok && (operation === "logout" || operation === "delete_account")) {
      setUser(null);
      tabs.tell();
    }
    // The session had ended: what was asked for is the case.
    if (operation === "logout" && !result.ok && result.error === "not_authenticated") {
      return { ok: true, status: result.status, data: {} };
    }
    return result;
  }

  async function login(body: unknown, options?: CallOptions): Promise<unknown> {
    const result = await call("login", { body }, options);
    if (result.ok || !result.errors.non_field_errors?.includes("second_factor_required")) {
      return result;
    }
    const asked = await call("second_factor_methods", {}, options);
    if (!asked.ok) return asked;
    const { methods } = asked.data as { methods: Method<Ops>[] };
    const proof: unknown = await settings.onSecondFactor?.(methods);
    return proof
      ? call("second_factor", { body: proof }, options)
      : { ...result, secondFactor: methods };
  }

  /** Get the options of a passkey, ask the person, and send what the browser gave. */
  async function ceremony(
    first: readonly [OperationId, unknown?],
    ask: typeof browser.use | typeof browser.create,
    last: readonly [OperationId, (() => object)?],
    options: CallOptions & { conditional?: boolean } = {},
    refused?: (publicKey: JSONObject, credential: JSONObject) => unknown,
    done?: (publicKey: JSONObject, credential: JSONObject) => unknown,
  ): Promise<AnyResult> {
    if (!browser.isSupported()) return stopped("passkey_not_supported");
    const asked = await call(first[0], { body: first[1] }, options);
    if (!asked.ok) return asked;
    const { publicKey } = asked.data as { publicKey: JSONObject };
    const since = Date.now();
    const answer = await ask(publicKey, options.signal, options.conditional);
    if ("code" in answer) return stopped(answer.code);
    const { credential } = answer;
    const result = await call(last[0], { body: { ...last[1]?.(), credential } }, options);
    // Not awaited: what the browser does with a signal is its own affair.
    if (result.ok) void done?.(publicKey, credential);
    else if (
      result.errors.credential?.includes("invalid_credential") &&
      Date.now() - since < FRESH_CHALLENGE
    ) {
      void refused?.(publicKey, credential);
    }
    return result;
  }

  const passkey = {
    isSupported: browser.isSupported,
    canAutofill: browser.canAutofill,
    login: ({ remember, ...options }: PasskeyLogin = {}) =>
      ceremony(
        ["passkey_login_options"],
        browser.use,
        [
          "passkey_login",
          () => ({
            ...(remember !== undefined && {
              remember: typeof remember === "function" ? remember() : remember,
            }),
          }),
        ],
        options,
        ({ rpId }, { id }) => browser.signalUnknown(String(rpId), String(id)),
      ),
    secondFactor: ({ trust, ...options }: CallOptions & { trust?: boolean } = {}) =>
      ceremony(
        ["second_factor_passkey_options"],
        browser.use,
        ["second_factor", () => ({ method: "passkey", ...(trust !== undefined && { trust }) })],
        options,
      ),
    confirm: (options?: CallOptions) =>
      ceremony(
        ["second_factor_passkey_options"],
        browser.use,
        ["confirm_password", () => ({ method: "passkey" })],
        options,
      ),
    add: (name: string, proof: Proof = {}, options?: CallOptions) =>
      ceremony(
        ["passkey_options", proof],
        browser.create,
        ["add_passkey", () => ({ ...proof, name })],
        options,
        undefined,
        (publicKey, { id }) => browser.signalAccepted(publicKey, [String(id)]),
      ),
    rename: (id: number, body: unknown, options?: CallOptions) =>
      call("rename_passkey", { id, body }, options),
    async remove(id: number, proof: Proof = {}, options?: CallOptions) {
      const result = await call("remove_passkey", { id, body: proof }, options);
      if (result.ok && browser.takesSignals()) {
        // They name the passkeys that are left.
        const asked = await call("passkey_options", { body: proof }, options);
        if (asked.ok) {
          void browser.signalAccepted((asked.data as { publicKey: JSONObject }).publicKey, []);
        }
      }
      return result;
    },
    signUp: (link: Link, name?: string, options?: CallOptions) =>
      ceremony(
        ["activate_passkey_options", link],
        browser.create,
        ["activate_email", () => ({ ...link, ...(name !== undefined && { name }) })],
        options,
        undefined,
        forgetLink,
      ),
  };

  function link(purpose: Purpose, given?: Link | null): unknown {
    const found = given === undefined ? takeLink() : given;
    return {
      link: found,
      async status(options?: CallOptions): Promise<LinkStatus> {
        if (!found) return "invalid";
        const result = await call("link_status", { body: { purpose, ...found } }, options);
        return result.ok ? (result.data as { status: LinkStatus }).status : "unknown";
      },
      async submit(body?: object, options?: CallOptions) {
        const result = await call(
          LINKS[purpose],
          { body: { ...body, ...(found ?? { ident: "", token: "" }) } },
          options,
        );
        if (result.ok) forgetLink();
        return result;
      },
    };
  }

  const client: JSONObject = {
    getUser: () => user,
    subscribe(listener: (user: User | null) => void) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    call,
    link,
    passkey,
    async request(method: string, path: string, body?: unknown, options: CallOptions = {}) {
      const backend = new URL(base, typeof location === "undefined" ? undefined : location.href);
      const url = new URL(path, backend);
      // SECURITY: the CSRF token is for no other server.
      if (url.origin !== backend.origin) throw new TypeError(`${url.origin} is not the backend`);
      return perform(method.toUpperCase(), url.href, body, "own", options);
    },
    csrfToken: () =>
      queue.shared(async () => {
        if (!hasToken()) await fetchToken();
        return csrf;
      }),
    close() {
      tabs.close();
    },
  };
  for (const operation of Object.keys(ENDPOINTS) as OperationId[]) {
    const name = operation.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    client[name] =
      takesNoBody(operation)
        ? (options?: CallOptions) => call(operation, {}, options)
        : (body?: unknown, options?: CallOptions) => call(operation, { body }, options);
  }
  const { enrolTotp, confirmTotp, removeTotp, renewRecoveryCodes } = client;
  return {
    ...client,
    login,
    factors: { list: client.factors, enrolTotp, confirmTotp, removeTotp, renewRecoveryCodes },
    sessions: {
      list: client.sessions,
      rename: (id: string, body: unknown, options?: CallOptions) =>
        call("name_session", { id, body }, options),
      async end(id: string, body?: unknown, options?: CallOptions) {
        const result = await call("end_session", { id, body }, options);
        // It may have been the one of this page.
        if (result.ok) await call("me", {}, options);
        return result;
      },
      endOthers: client.endSessions,
    },
  } as unknown as Client<Ops>;
}

function takesNoBody(operation: OperationId): boolean {
  const [method, , traits = ""] = ENDPOINTS[operation] as readonly [string, string, string?];
  return method === "GET" || traits.includes("bare");
}

/** What the code of `answer` means for its caller. */
function resultOf({ status, body, failure, retryAfter }: Answer): AnyResult {
  if (!failure && status < 300) return { ok: true, status, data: body };
  const { error, params, ...fields } = body as JSONObject;
  const errors: Record<string, string[]> = {};
  for (const [field, codes] of Object.entries(fields)) {
    if (Array.isArray(codes)) errors[field] = codes.map(String);
  }
  const known = typeof error === "string" ? error : undefined;
  const isOurs = known !== undefined || Object.keys(errors).length > 0;
  const code = failure ?? (isOurs ? known : "unexpected_answer");
  const said = isObject(params) ? (params as Params) : {};
  // A browser hides the header from pages of another origin, unless the backend exposes it.
  const wait = retryAfter ?? Number(said.error?.[String(known)]?.retry_after ?? 0);
  return {
    ok: false,
    status,
    ...(code !== undefined && { error: code }),
    errors,
    params: said,
    ...(wait > 0 && { retryAfter: wait }),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function stopped(error: ClientCode): AnyResult {
  return { ok: false, status: 0, error, errors: {}, params: {} };
}

function missingProof(
  { error, errors }: Failure,
  body: unknown,
  traits: string,
): Reauthentication["code"] | undefined {
  if (error === "reauthentication_required" || error === "second_factor_required") return error;
  const isMissing =
    traits.includes("proof") &&
    errors.password?.includes("required") &&
    !(body as Proof | undefined)?.password;
  return isMissing ? "password_required" : undefined;
}

/** `running`, or an aborted answer as soon as `signal` says so. */
function orAborted(running: Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  if (!signal) return running;
  return new Promise((resolve) => {
    const abort = (): void => {
      resolve(failed(0, "aborted"));
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    void running.then((answer) => {
      signal.removeEventListener("abort", abort);
      resolve(answer);
    });
  });
}
