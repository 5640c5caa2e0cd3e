// django-ai-kit-auth 3.0.0, BSD-3-Clause: the core in one file, to be copied.

// src/endpoints.ts
var ENDPOINTS = {
  me: ["GET", "me/", "shared"],
  update_me: ["PATCH", "me/"],
  login: ["POST", "login/"],
  logout: ["POST", "logout/", "bare"],
  register: ["POST", "register/", "public"],
  activate_email: ["POST", "activate_email/", "public"],
  activate_passkey_options: ["POST", "activate_email/passkey_options/", "public"],
  resend_activation_email: ["POST", "resend_activation_email/", "public"],
  send_pw_reset_email: ["POST", "send_pw_reset_email/", "public"],
  reset_password: ["POST", "reset_password/", "public"],
  validate_password: ["POST", "validate_password/", "public shared"],
  link_status: ["POST", "link_status/", "public shared"],
  confirm_email: ["POST", "confirm_email/", "public"],
  confirm_password: ["POST", "confirm_password/"],
  change_email: ["POST", "change_email/", "proof"],
  change_password: ["POST", "change_password/", "proof"],
  delete_account: ["POST", "delete_account/", "proof"],
  logout_others: ["POST", "logout_others/", "proof"],
  second_factor_methods: ["GET", "second_factor/", "shared"],
  second_factor: ["POST", "second_factor/"],
  second_factor_passkey_options: ["POST", "second_factor/passkey_options/", "bare"],
  passkey_login_options: ["POST", "passkey_login/options/", "bare"],
  passkey_login: ["POST", "passkey_login/"],
  factors: ["GET", "factors/", "shared"],
  enrol_totp: ["POST", "factors/totp/", "proof"],
  confirm_totp: ["POST", "factors/totp/confirm/", "proof"],
  remove_totp: ["DELETE", "factors/totp/", "proof"],
  renew_recovery_codes: ["POST", "factors/recovery_codes/", "proof"],
  passkey_options: ["POST", "factors/passkeys/options/", "proof"],
  add_passkey: ["POST", "factors/passkeys/", "proof"],
  rename_passkey: ["PATCH", "factors/passkeys/{id}/", "proof"],
  remove_passkey: ["DELETE", "factors/passkeys/{id}/", "proof"],
  sessions: ["GET", "sessions/", "shared"],
  end_sessions: ["DELETE", "sessions/", "proof"],
  name_session: ["PATCH", "sessions/{id}/"],
  end_session: ["DELETE", "sessions/{id}/", "proof"],
  not_me: ["POST", "sessions/not_me/", "public"]
};

// src/links.ts
var KEY = "aiKitAuthLink";
var NEXT = "__NA";
function takeLink() {
  if (typeof location === "undefined" || typeof history === "undefined") return null;
  const url = new URL(location.href);
  const [route = "", ...rest] = url.hash.split("?");
  const behindHash = new URLSearchParams(rest.join("?"));
  let link = taken(url.searchParams);
  if (!link) {
    link = taken(behindHash);
    if (!link) return kept();
    const others = String(behindHash);
    url.hash = others ? `${route}?${others}` : route;
  }
  history.replaceState({ ...states(), [KEY]: link }, "", url);
  if (NEXT in states()) setTimeout(tellNext, 0, url.href);
  return link;
}
function taken(query) {
  const ident = query.get("ident");
  const token = query.get("token");
  if (!ident || !token) return null;
  query.delete("ident");
  query.delete("token");
  return { ident, token };
}
function tellNext(address) {
  const { [NEXT]: mark, ...state } = states();
  if (mark && location.href === address) history.replaceState(state, "", address);
}
function forgetLink() {
  if (typeof history === "undefined") return;
  const { [KEY]: link, ...rest } = states();
  if (link) history.replaceState(rest, "");
}
function states() {
  const state = history.state;
  return typeof state === "object" && state ? { ...state } : {};
}
function kept() {
  const link = states()[KEY];
  return typeof link === "object" && link ? link : null;
}

// src/passkeys.ts
var CODES = {
  AbortError: "aborted",
  // The person said no, or was too slow. Browsers do not tell which.
  NotAllowedError: "passkey_cancelled",
  // The device has a passkey of this account.
  InvalidStateError: "passkey_exists",
  // The relying party does not suit the address of the page.
  SecurityError: "passkey_not_here",
  NotSupportedError: "passkey_not_supported"
};
function recent() {
  return PublicKeyCredential;
}
function isSupported() {
  return typeof PublicKeyCredential !== "undefined";
}
async function canAutofill() {
  return isSupported() && (await recent().isConditionalMediationAvailable?.() ?? false);
}
var question = new AbortController();
var isWanted = false;
async function ask(signal, conditional, open) {
  if (conditional && isWanted) return { code: "aborted" };
  question.abort();
  const own = question = new AbortController();
  const abort = () => {
    own.abort();
  };
  if (signal?.aborted) return { code: "aborted" };
  signal?.addEventListener("abort", abort);
  isWanted = !conditional;
  try {
    const credential = await open(own.signal);
    return credential ? { credential: toJSON(credential) } : { code: "passkey_cancelled" };
  } catch (error) {
    return { code: CODES[error.name] ?? "passkey_not_supported" };
  } finally {
    if (question === own) isWanted = false;
    signal?.removeEventListener("abort", abort);
  }
}
function create(publicKey, signal) {
  return ask(
    signal,
    false,
    (signal2) => navigator.credentials.create({
      publicKey: recent().parseCreationOptionsFromJSON?.(publicKey) ?? withBytes(publicKey),
      signal: signal2
    })
  );
}
function use(publicKey, signal, conditional = false) {
  return ask(
    signal,
    conditional,
    (signal2) => navigator.credentials.get({
      publicKey: recent().parseRequestOptionsFromJSON?.(publicKey) ?? withBytes(publicKey),
      signal: signal2,
      ...conditional && { mediation: "conditional" }
    })
  );
}
async function signalUnknown(rpId, credentialId) {
  await recent().signalUnknownCredential?.({ rpId, credentialId }).catch(() => void 0);
}
async function signalAccepted(creation, added) {
  const { rp, user, excludeCredentials = [] } = creation;
  await recent().signalAllAcceptedCredentials?.({
    rpId: rp.id,
    userId: user.id,
    allAcceptedCredentialIds: [...excludeCredentials.map(({ id }) => id), ...added]
  }).catch(() => void 0);
}
function takesSignals() {
  return isSupported() && "signalAllAcceptedCredentials" in PublicKeyCredential;
}
function withBytes(options) {
  const { challenge, user, allowCredentials, excludeCredentials } = options;
  return {
    ...options,
    challenge: bytes(challenge),
    ...user ? { user: { ...user, id: bytes(user.id) } } : {},
    ...allowCredentials ? { allowCredentials: described(allowCredentials) } : {},
    ...excludeCredentials ? { excludeCredentials: described(excludeCredentials) } : {}
  };
}
function described(credentials) {
  return credentials.map((one) => ({ ...one, id: bytes(one.id) }));
}
function toJSON(credential) {
  if (typeof credential.toJSON === "function") {
    return credential.toJSON();
  }
  const given = credential.response;
  const response = {};
  for (const name of [
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle"
  ]) {
    if (given[name]) response[name] = text(given[name]);
  }
  const transports = given.getTransports?.();
  if (transports) response.transports = transports;
  return {
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? void 0,
    clientExtensionResults: credential.getClientExtensionResults(),
    response
  };
}
function bytes(encoded) {
  const base64 = String(encoded).replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
function text(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// src/queue.ts
function createQueue() {
  let last = Promise.resolve();
  let beside = [];
  return {
    shared(task) {
      const running = last.then(task);
      beside.push(running);
      return running;
    },
    exclusive(task) {
      const running = Promise.all([last, ...beside]).then(task);
      beside = [];
      last = running;
      return running;
    }
  };
}

// src/tabs.ts
function openTabs(name, changed) {
  if (typeof document === "undefined" || typeof BroadcastChannel === "undefined") {
    return { tell: () => void 0, close: () => void 0 };
  }
  const channel = new BroadcastChannel(name);
  channel.onmessage = changed;
  return {
    tell() {
      channel.postMessage("changed");
    },
    close() {
      channel.close();
    }
  };
}

// src/transport.ts
async function send(fetch2, url, init, { signal, timeout }) {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  const clock = { isOver: false };
  const timer = timeout ? setTimeout(() => {
    clock.isOver = true;
    abort();
  }, timeout) : void 0;
  let status = 0;
  try {
    const response = await fetch2(url, { ...init, signal: controller.signal });
    status = response.status;
    const retryAfter = seconds(response.headers.get("Retry-After"));
    const body = status === 204 ? {} : await response.json();
    const answer = { status, body };
    if (retryAfter !== void 0) answer.retryAfter = retryAfter;
    return typeof body === "object" && body ? answer : failed(status, "unexpected_answer");
  } catch {
    if (clock.isOver) return failed(0, "timeout");
    if (signal?.aborted) return failed(0, "aborted");
    return status ? failed(status, "unexpected_answer") : failed(0, "network_error");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
function failed(status, failure) {
  return { status, body: {}, failure };
}
function seconds(header) {
  if (!header) return void 0;
  const wait = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1e3);
  return Number.isNaN(wait) ? void 0 : Math.max(0, wait);
}

// src/client.ts
var MOST_QUESTIONS = 3;
var FRESH_CHALLENGE = 3e5;
var LINKS = {
  activation: "activate_email",
  reset_password: "reset_password",
  confirm_email: "confirm_email"
};
function createClient(settings) {
  const base = settings.baseUrl.replace(/\/*$/, "/");
  const queue = createQueue();
  const listeners = /* @__PURE__ */ new Set();
  let csrf;
  let user;
  const hasToken = () => csrf !== void 0;
  let asking;
  const waits = /* @__PURE__ */ new Map();
  const tabs = openTabs(`django-ai-kit-auth ${base}`, () => {
    csrf = void 0;
    if (user !== void 0) void call("me");
  });
  function setUser(next) {
    const isSame = JSON.stringify(next) === JSON.stringify(user);
    user = next;
    if (isSame) return;
    settings.onUser?.(next);
    for (const listener of listeners) listener(next);
  }
  async function transmit(method, url, body, { signal, timeout = settings.timeout ?? 3e4 }) {
    const { language } = settings;
    const said = typeof language === "function" ? language() : language;
    const answer = await send(
      settings.fetch ?? ((url2, init) => fetch(url2, init)),
      url,
      {
        method,
        credentials: "include",
        headers: {
          Accept: "application/json",
          ...said && { "Accept-Language": said },
          ...body !== void 0 && { "Content-Type": "application/json" },
          ...method !== "GET" && csrf && { [settings.csrfHeader ?? "X-CSRFToken"]: csrf },
          ...settings.headers?.()
        },
        ...body !== void 0 && { body: JSON.stringify(body) }
      },
      { signal, timeout }
    );
    if (!url.startsWith(base)) return answer;
    const content = answer.body;
    const before = [csrf, user];
    if (typeof content.csrf === "string") csrf = content.csrf;
    if (answer.status < 300 && !answer.failure && content.user !== void 0) {
      setUser(content.user);
    }
    if (method !== "GET" && (csrf !== before[0] || user !== before[1])) tabs.tell();
    return answer;
  }
  function fetchToken() {
    asking ??= transmit("GET", `${base}me/`, void 0, {}).finally(() => {
      asking = void 0;
    });
    return asking;
  }
  function inTurn(method, url, body, traits, options) {
    const request = JSON.stringify([method, url, body]);
    const lane = traits.includes("shared") || method === "GET" ? "shared" : "exclusive";
    const running = queue[lane](async () => {
      if (options.signal?.aborted) return failed(0, "aborted");
      const wait = waits.get(url);
      const left = wait?.request === request ? Math.ceil((wait.until - Date.now()) / 1e3) : 0;
      if (wait && left > 0) return { ...wait.answer, retryAfter: left };
      const needsToken = method !== "GET" && !traits.includes("public");
      for (let attempt = 1; ; attempt += 1) {
        if (needsToken && !hasToken()) {
          const asked2 = await fetchToken();
          if (!hasToken()) return asked2;
        }
        const answer = await transmit(method, url, body, options);
        const { retryAfter } = answer;
        if (retryAfter) {
          waits.set(url, { request, until: Date.now() + retryAfter * 1e3, answer });
        }
        if (answer.body.error !== "csrf_failed") return answer;
        csrf = void 0;
        if (attempt === 2) return answer;
        const asked = await fetchToken();
        if (!hasToken()) return asked;
      }
    });
    return orAborted(running, options.signal);
  }
  async function perform(method, url, body, traits, options) {
    let proven = body;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await inTurn(method, url, proven, traits, options);
      const result = resultOf(answer);
      if (result.ok) return result;
      if (traits === "own") Object.assign(result, { data: answer.body });
      if (result.error === "not_authenticated") {
        csrf = void 0;
        setUser(null);
        settings.onUnauthenticated?.();
      }
      const code = missingProof(result, proven, traits);
      if (!code || !settings.onReauthenticate || attempt > MOST_QUESTIONS) return result;
      const proof = await settings.onReauthenticate({ code, attempt });
      if (!proof) return result;
      proven = { ...proven, ...proof };
    }
  }
  async function call(operation, { id, body } = {}, options = {}) {
    const [method, path, traits = ""] = ENDPOINTS[operation];
    const url = base + path.replace("{id}", encodeURIComponent(String(id)));
    const sent = method === "GET" ? void 0 : body ?? {};
    const result = await perform(method, url, sent, traits, options);
    if (result.ok && (operation === "logout" || operation === "delete_account")) {
      setUser(null);
      tabs.tell();
    }
    if (operation === "logout" && !result.ok && result.error === "not_authenticated") {
      return { ok: true, status: result.status, data: {} };
    }
    return result;
  }
  async function login(body, options) {
    const result = await call("login", { body }, options);
    if (result.ok || !result.errors.non_field_errors?.includes("second_factor_required")) {
      return result;
    }
    const asked = await call("second_factor_methods", {}, options);
    if (!asked.ok) return asked;
    const { methods } = asked.data;
    const proof = await settings.onSecondFactor?.(methods);
    return proof ? call("second_factor", { body: proof }, options) : { ...result, secondFactor: methods };
  }
  async function ceremony(first, ask2, last, options = {}, refused, done) {
    if (!isSupported()) return stopped("passkey_not_supported");
    const asked = await call(first[0], { body: first[1] }, options);
    if (!asked.ok) return asked;
    const { publicKey } = asked.data;
    const since = Date.now();
    const answer = await ask2(publicKey, options.signal, options.conditional);
    if ("code" in answer) return stopped(answer.code);
    const { credential } = answer;
    const result = await call(last[0], { body: { ...last[1]?.(), credential } }, options);
    if (result.ok) void done?.(publicKey, credential);
    else if (result.errors.credential?.includes("invalid_credential") && Date.now() - since < FRESH_CHALLENGE) {
      void refused?.(publicKey, credential);
    }
    return result;
  }
  const passkey = {
    isSupported,
    canAutofill,
    login: ({ remember, ...options } = {}) => ceremony(
      ["passkey_login_options"],
      use,
      [
        "passkey_login",
        () => ({
          ...remember !== void 0 && {
            remember: typeof remember === "function" ? remember() : remember
          }
        })
      ],
      options,
      ({ rpId }, { id }) => signalUnknown(String(rpId), String(id))
    ),
    secondFactor: ({ trust, ...options } = {}) => ceremony(
      ["second_factor_passkey_options"],
      use,
      ["second_factor", () => ({ method: "passkey", ...trust !== void 0 && { trust } })],
      options
    ),
    confirm: (options) => ceremony(
      ["second_factor_passkey_options"],
      use,
      ["confirm_password", () => ({ method: "passkey" })],
      options
    ),
    add: (name, proof = {}, options) => ceremony(
      ["passkey_options", proof],
      create,
      ["add_passkey", () => ({ ...proof, name })],
      options,
      void 0,
      (publicKey, { id }) => signalAccepted(publicKey, [String(id)])
    ),
    rename: (id, body, options) => call("rename_passkey", { id, body }, options),
    async remove(id, proof = {}, options) {
      const result = await call("remove_passkey", { id, body: proof }, options);
      if (result.ok && takesSignals()) {
        const asked = await call("passkey_options", { body: proof }, options);
        if (asked.ok) {
          void signalAccepted(asked.data.publicKey, []);
        }
      }
      return result;
    },
    signUp: (link2, name, options) => ceremony(
      ["activate_passkey_options", link2],
      create,
      ["activate_email", () => ({ ...link2, ...name !== void 0 && { name } })],
      options,
      void 0,
      forgetLink
    )
  };
  function link(purpose, given) {
    const found = given === void 0 ? takeLink() : given;
    return {
      link: found,
      async status(options) {
        if (!found) return "invalid";
        const result = await call("link_status", { body: { purpose, ...found } }, options);
        return result.ok ? result.data.status : "unknown";
      },
      async submit(body, options) {
        const result = await call(
          LINKS[purpose],
          { body: { ...body, ...found ?? { ident: "", token: "" } } },
          options
        );
        if (result.ok) forgetLink();
        return result;
      }
    };
  }
  const client = {
    getUser: () => user,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    call,
    link,
    passkey,
    async request(method, path, body, options = {}) {
      const backend = new URL(base, typeof location === "undefined" ? void 0 : location.href);
      const url = new URL(path, backend);
      if (url.origin !== backend.origin) throw new TypeError(`${url.origin} is not the backend`);
      return perform(method.toUpperCase(), url.href, body, "own", options);
    },
    csrfToken: () => queue.shared(async () => {
      if (!hasToken()) await fetchToken();
      return csrf;
    }),
    close() {
      tabs.close();
    }
  };
  for (const operation of Object.keys(ENDPOINTS)) {
    const name = operation.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    client[name] = takesNoBody(operation) ? (options) => call(operation, {}, options) : (body, options) => call(operation, { body }, options);
  }
  const { enrolTotp, confirmTotp, removeTotp, renewRecoveryCodes } = client;
  return {
    ...client,
    login,
    factors: { list: client.factors, enrolTotp, confirmTotp, removeTotp, renewRecoveryCodes },
    sessions: {
      list: client.sessions,
      rename: (id, body, options) => call("name_session", { id, body }, options),
      async end(id, body, options) {
        const result = await call("end_session", { id, body }, options);
        if (result.ok) await call("me", {}, options);
        return result;
      },
      endOthers: client.endSessions
    }
  };
}
function takesNoBody(operation) {
  const [method, , traits = ""] = ENDPOINTS[operation];
  return method === "GET" || traits.includes("bare");
}
function resultOf({ status, body, failure, retryAfter }) {
  if (!failure && status < 300) return { ok: true, status, data: body };
  const { error, params, ...fields } = body;
  const errors = {};
  for (const [field, codes] of Object.entries(fields)) {
    if (Array.isArray(codes)) errors[field] = codes.map(String);
  }
  const known = typeof error === "string" ? error : void 0;
  const isOurs = known !== void 0 || Object.keys(errors).length > 0;
  const code = failure ?? (isOurs ? known : "unexpected_answer");
  const said = isObject(params) ? params : {};
  const wait = retryAfter ?? Number(said.error?.[String(known)]?.retry_after ?? 0);
  return {
    ok: false,
    status,
    ...code !== void 0 && { error: code },
    errors,
    params: said,
    ...wait > 0 && { retryAfter: wait }
  };
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function stopped(error) {
  return { ok: false, status: 0, error, errors: {}, params: {} };
}
function missingProof({ error, errors }, body, traits) {
  if (error === "reauthentication_required" || error === "second_factor_required") return error;
  const isMissing = traits.includes("proof") && errors.password?.includes("required") && !body?.password;
  return isMissing ? "password_required" : void 0;
}
function orAborted(running, signal) {
  if (!signal) return running;
  return new Promise((resolve) => {
    const abort = () => {
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
export {
  createClient,
  forgetLink,
  takeLink
};
