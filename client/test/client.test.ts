import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type ClientOptions, createClient } from "../src/index.js";
import { ENDPOINTS, type OperationId } from "../src/endpoints.js";
import { ADA, Backend } from "./backend.js";

let backend: Backend;
let baseUrl: string;

beforeEach(async () => {
  backend = new Backend();
  baseUrl = await backend.start();
});

afterEach(async () => {
  await backend.stop();
});

function client(options: Partial<ClientOptions> = {}) {
  return createClient({ baseUrl, ...options });
}

const LOGIN = { ident: "ada", password: "tall ferns in the rain" };
const REFUSED = { status: 400, body: { non_field_errors: ["invalid_credentials"] } };
const THROTTLED = { status: 429, body: { error: "throttled" }, headers: { "Retry-After": "42" } };

describe("the CSRF token", () => {
  it("is fetched before the first write, and sent with it", async () => {
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    const auth = client();
    const result = await auth.login(LOGIN);
    expect(result).toEqual({ ok: true, status: 200, data: { user: ADA, csrf: "of-login" } });
    expect(backend.requests).toEqual(["GET me/", "POST login/"]);
    expect(backend.last.headers["x-csrftoken"]).toBe("me-1");
    expect(backend.last.body).toEqual(LOGIN);
  });

  it("is that of the last answer that had one", async () => {
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    const auth = client();
    await auth.login(LOGIN);
    await auth.logout();
    expect(backend.last.headers["x-csrftoken"]).toBe("of-login");
    expect(backend.requests).toEqual(["GET me/", "POST login/", "POST logout/"]);
  });

  it("is fetched once for calls at the same time", async () => {
    const auth = client();
    await Promise.all([auth.login(LOGIN), auth.logout(), auth.confirmPassword({ password: "x" })]);
    expect(backend.requests.filter((request) => request === "GET me/")).toHaveLength(1);
  });

  it("is fetched anew after csrf_failed, and the call is repeated once", async () => {
    backend.answers("POST login/", { status: 403, body: { error: "csrf_failed" } }, REFUSED);
    const result = await client().login(LOGIN);
    expect(result).toMatchObject({ ok: false, errors: { non_field_errors: ["invalid_credentials"] } });
    expect(backend.requests).toEqual(["GET me/", "POST login/", "GET me/", "POST login/"]);
    expect(backend.last.headers["x-csrftoken"]).toBe("me-3");
  });

  it("that fails twice is the result", async () => {
    backend.answers("POST login/", { status: 403, body: { error: "csrf_failed" } });
    const result = await client().login(LOGIN);
    expect(result).toMatchObject({ ok: false, status: 403, error: "csrf_failed" });
    expect(backend.requests).toHaveLength(4);
  });

  it("that cannot be fetched is the result, and nothing is sent", async () => {
    backend.answers("GET me/", { status: 503, body: { error: "service_unavailable" } });
    const result = await client().login(LOGIN);
    expect(result).toMatchObject({ ok: false, status: 503, error: "service_unavailable" });
    expect(backend.requests).toEqual(["GET me/"]);
  });

  it("that cannot be fetched anew is the result", async () => {
    backend.answers("GET me/", { body: { user: null, csrf: "old" } }, THROTTLED);
    backend.answers("POST login/", { status: 403, body: { error: "csrf_failed" } });
    const result = await client().login(LOGIN);
    expect(result).toMatchObject({ ok: false, status: 429, error: "throttled" });
  });

  it("is not fetched for what needs none", async () => {
    await client().register({ email: "ada@example.com", password: LOGIN.password });
    expect(backend.requests).toEqual(["POST register/"]);
    expect(backend.last.headers["x-csrftoken"]).toBeUndefined();
  });

  it("is there for another library, after what may change it", async () => {
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" }, delay: 30 });
    const auth = client();
    expect(await auth.csrfToken()).toBe("me-1");
    const login = auth.login(LOGIN);
    expect(await auth.csrfToken()).toBe("of-login");
    await login;
    expect(backend.requests).toEqual(["GET me/", "POST login/"]);
  });

  it("is undefined for another library where there is none", async () => {
    backend.answers("GET me/", { status: 503, body: { error: "service_unavailable" } });
    expect(await client().csrfToken()).toBeUndefined();
  });

  it("goes into the header that the project names", async () => {
    await client({ csrfHeader: "X-Token" }).login(LOGIN);
    expect(backend.last.headers["x-token"]).toBe("me-1");
  });
});

describe("the order of calls", () => {
  it("keeps what may change the session alone", async () => {
    backend.answers("POST login/", { delay: 60 });
    const auth = client();
    await auth.me();
    await Promise.all([auth.login(LOGIN), auth.logout(), auth.factors.list(), auth.me()]);
    expect(backend.requests.slice(1, 3)).toEqual(["POST login/", "POST logout/"]);
    expect(backend.requests.slice(3).sort()).toEqual(["GET factors/", "GET me/"]);
  });

  it("lets reads run beside each other", async () => {
    backend.answers("GET factors/", { delay: 60 });
    backend.answers("GET sessions/", { delay: 60, body: [] });
    backend.answers("POST validate_password/", { delay: 60 });
    const auth = client();
    await Promise.all([
      auth.factors.list(),
      auth.sessions.list(),
      auth.validatePassword({ password: "x" }),
    ]);
    expect(backend.most).toBe(3);
  });

  it("lets a write wait for the reads before it", async () => {
    backend.answers("GET factors/", { delay: 60 });
    const auth = client();
    await auth.me();
    backend.most = 0;
    await Promise.all([auth.factors.list(), auth.logout()]);
    expect(backend.most).toBe(1);
    expect(backend.requests).toEqual(["GET me/", "GET factors/", "POST logout/"]);
  });
});

describe("a result", () => {
  it("has the codes by field and those of the whole request", async () => {
    backend.answers("POST register/", { status: 400, body: { email: ["email_unique"] } });
    const auth = client();
    expect(await auth.register({ email: "ada@example.com" })).toEqual({
      ok: false,
      status: 400,
      errors: { email: ["email_unique"] },
      params: {},
    });
    backend.answers("POST register/", { status: 400, body: { error: "parse_error" } });
    expect(await auth.register({ email: "ada@example.com" })).toEqual({
      ok: false,
      status: 400,
      error: "parse_error",
      errors: {},
      params: {},
    });
  });

  it("has the parameters of codes beside them", async () => {
    const params = { password: { password_too_short: { min_length: 12 } } };
    backend.answers("POST validate_password/", {
      status: 400,
      body: { password: ["password_too_short"], params },
    });
    const result = await client().validatePassword({ password: "x" });
    expect(result).toEqual({
      ok: false,
      status: 400,
      errors: { password: ["password_too_short"] },
      params,
    });
  });

  it("keeps a field that is called params", async () => {
    backend.answers("POST register/", { status: 400, body: { params: ["required"] } });
    const result = await client().register({ email: "ada@example.com" });
    expect(result).toMatchObject({ errors: {}, params: {}, error: "unexpected_answer" });
  });

  it("of a list is the list", async () => {
    backend.answers("GET sessions/", { body: [{ id: "one" }] });
    expect(await client().sessions.list()).toMatchObject({ ok: true, data: [{ id: "one" }] });
  });

  it("without a body is empty", async () => {
    backend.answers("DELETE factors/totp/", { status: 204 });
    expect(await client().factors.removeTotp()).toEqual({ ok: true, status: 204, data: {} });
  });

  it.each([
    ["the page of a proxy", { status: 502, body: "<html>" }, 502],
    ["the JSON of a proxy", { status: 502, body: { message: "Bad gateway" } }, 502],
    ["a success without JSON", { status: 200, body: "<html>" }, 200],
    ["a success that is no object", { status: 200, body: "null" }, 200],
    ["an error that is no code", { status: 500, body: { error: { code: 1 } } }, 500],
  ])("tells of %s", async (_, reply, status) => {
    backend.answers("GET me/", reply);
    expect(await client().me()).toEqual({
      ok: false,
      status,
      error: "unexpected_answer",
      errors: {},
      params: {},
    });
  });

  it("tells of a server that does not answer", async () => {
    await backend.stop();
    expect(await client().me()).toMatchObject({ ok: false, status: 0, error: "network_error" });
    await backend.start();
  });
});

describe("patience", () => {
  it("ends after the timeout of the client, or of the call", async () => {
    backend.answers("GET me/", { delay: 500 });
    const auth = client({ timeout: 20 });
    expect(await auth.me()).toMatchObject({ ok: false, status: 0, error: "timeout" });
    expect(await client().me({ timeout: 20 })).toMatchObject({ error: "timeout" });
  });

  it("may have no end", async () => {
    expect(await client({ timeout: 0 }).me()).toMatchObject({ ok: true });
  });

  it("ends when the call is aborted", async () => {
    backend.answers("GET me/", { delay: 500 });
    const controller = new AbortController();
    const asked = client().me({ signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 20);
    expect(await asked).toMatchObject({ ok: false, status: 0, error: "aborted" });
  });

  it("does not send what was aborted before", async () => {
    const signal = AbortSignal.abort();
    expect(await client().me({ signal })).toMatchObject({ error: "aborted" });
    expect(backend.requests).toEqual([]);
  });

  it("does not send what was aborted while it waited", async () => {
    backend.answers("POST login/", { delay: 60 });
    const auth = client();
    const login = auth.login(LOGIN);
    const controller = new AbortController();
    const logout = auth.logout({ signal: controller.signal });
    controller.abort();
    expect(await logout).toMatchObject({ error: "aborted" });
    await login;
    await auth.me();
    expect(backend.requests).not.toContain("POST logout/");
  });

  it("lets others have the token that an aborted call asked for", async () => {
    backend.answers("GET me/", { delay: 60, body: { user: null, csrf: "kept" } });
    const auth = client();
    const controller = new AbortController();
    const first = auth.login(LOGIN, { signal: controller.signal });
    const second = auth.logout();
    setTimeout(() => {
      controller.abort();
    }, 20);
    expect(await first).toMatchObject({ error: "aborted" });
    expect(await second).toMatchObject({ ok: true });
  });
});

describe("Retry-After", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is in the result, and the same call is not sent before", async () => {
    backend.answers("POST login/", THROTTLED, REFUSED);
    const auth = client();
    expect(await auth.login(LOGIN)).toMatchObject({ error: "throttled", retryAfter: 42 });
    vi.useFakeTimers({ now: Date.now() + 10_000, toFake: ["Date"] });
    const again = await auth.login(LOGIN);
    expect(again).toMatchObject({ error: "throttled", status: 429 });
    expect(again.ok || again.retryAfter).toBeGreaterThan(30);
    expect(again.ok || again.retryAfter).toBeLessThan(33);
    expect(backend.requests).toEqual(["GET me/", "POST login/"]);
  });

  it("holds for no other call", async () => {
    backend.answers("POST login/", THROTTLED, REFUSED);
    const auth = client();
    await auth.login(LOGIN);
    await auth.login({ ...LOGIN, ident: "grace" });
    await auth.logout();
    expect(backend.requests).toEqual(["GET me/", "POST login/", "POST login/", "POST logout/"]);
  });

  it("is over in time", async () => {
    backend.answers("POST login/", THROTTLED, REFUSED);
    const auth = client();
    await auth.login(LOGIN);
    vi.useFakeTimers({ now: Date.now() + 43_000, toFake: ["Date"] });
    expect(await auth.login(LOGIN)).toMatchObject({ status: 400 });
  });

  it("may be a date", async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    backend.answers("GET me/", { ...THROTTLED, headers: { "Retry-After": date } });
    const result = await client().me();
    expect(result.ok || result.retryAfter).toBeGreaterThan(80);
    expect(result.ok || result.retryAfter).toBeLessThan(92);
  });

  it.each(["Wed, 21 Oct 2015 07:28:00 GMT", "soon"])("that says %s is none", async (header) => {
    backend.answers("GET me/", { ...THROTTLED, headers: { "Retry-After": header } });
    expect(await client().me()).toEqual({
      ok: false,
      status: 429,
      error: "throttled",
      errors: {},
      params: {},
    });
  });

  it("comes from the parameters where the browser hides the header", async () => {
    const params = { error: { throttled: { retry_after: 7 } } };
    backend.answers("GET me/", { status: 429, body: { error: "throttled", params } });
    expect(await client().me()).toMatchObject({ retryAfter: 7 });
  });
});

describe("the user", () => {
  it("is unknown, then nobody, then the one who logs in, then nobody", async () => {
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    const seen: unknown[] = [];
    const heard: unknown[] = [];
    const auth = client({ onUser: (user) => seen.push(user) });
    const unsubscribe = auth.subscribe((user) => heard.push(user));
    expect(auth.getUser()).toBeUndefined();
    await auth.me();
    expect(auth.getUser()).toBeNull();
    await auth.login(LOGIN);
    expect(auth.getUser()).toEqual(ADA);
    await auth.me();
    unsubscribe();
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    await auth.me();
    await auth.logout();
    expect(auth.getUser()).toBeNull();
    expect(heard).toEqual([null, ADA, null]);
    expect(seen).toEqual([null, ADA, null, ADA, null]);
  });

  it("is nobody after the account is deleted", async () => {
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    const auth = client();
    await auth.me();
    await auth.deleteAccount({ password: LOGIN.password });
    expect(auth.getUser()).toBeNull();
  });

  it("is nobody when the session has ended, and the page is told", async () => {
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    backend.answers("PATCH me/", { status: 403, body: { error: "not_authenticated" } });
    const onUnauthenticated = vi.fn();
    const auth = client({ onUnauthenticated });
    await auth.me();
    expect(await auth.updateMe({ username: "grace" })).toMatchObject({ error: "not_authenticated" });
    expect(auth.getUser()).toBeNull();
    expect(onUnauthenticated).toHaveBeenCalledOnce();
  });

  it("is logged out by a logout of a session that has ended", async () => {
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    backend.answers("POST logout/", { status: 403, body: { error: "not_authenticated" } });
    const auth = client();
    await auth.me();
    expect(await auth.logout()).toMatchObject({ ok: true });
    expect(auth.getUser()).toBeNull();
  });

  it("stays when a logout fails", async () => {
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    backend.answers("POST logout/", { status: 503, body: { error: "service_unavailable" } });
    const auth = client();
    await auth.me();
    expect(await auth.logout()).toMatchObject({ error: "service_unavailable" });
    expect(auth.getUser()).toEqual(ADA);
  });

  it("is asked for anew when a session has been ended", async () => {
    backend.answers("DELETE sessions/a%2Fb/", { status: 204 });
    const auth = client();
    expect(await auth.sessions.end("a/b")).toMatchObject({ ok: true, status: 204 });
    expect(backend.requests.at(-1)).toBe("GET me/");
    expect(auth.getUser()).toBeNull();
  });

  it("is not asked for when it has not", async () => {
    backend.answers("DELETE sessions/1/", { status: 404, body: { error: "not_found" } });
    expect(await client().sessions.end("1")).toMatchObject({ error: "not_found" });
    expect(backend.requests.at(-1)).toBe("DELETE sessions/1/");
  });
});

describe("a login with a second factor", () => {
  const NEEDED = { status: 400, body: { non_field_errors: ["second_factor_required"] } };
  const METHODS = { body: { methods: ["recovery_code", "totp"], csrf: "pending" } };

  it("returns the methods", async () => {
    backend.answers("POST login/", NEEDED);
    backend.answers("GET second_factor/", METHODS);
    const result = await client().login(LOGIN);
    expect(result).toEqual({
      ok: false,
      status: 400,
      errors: { non_field_errors: ["second_factor_required"] },
      params: {},
      secondFactor: ["recovery_code", "totp"],
    });
  });

  it("goes on with what the page is asked for", async () => {
    backend.answers("POST login/", NEEDED);
    backend.answers("GET second_factor/", METHODS);
    backend.answers("POST second_factor/", { body: { user: ADA, csrf: "x" } });
    const auth = client({
      onSecondFactor: (methods) => {
        expect(methods).toEqual(["recovery_code", "totp"]);
        return Promise.resolve({ method: "totp", code: "123456" });
      },
    });
    expect(await auth.login(LOGIN)).toMatchObject({ ok: true, data: { user: ADA } });
    expect(backend.last.body).toEqual({ method: "totp", code: "123456" });
    expect(backend.last.headers["x-csrftoken"]).toBe("pending");
    expect(auth.getUser()).toEqual(ADA);
  });

  it("waits when the page has no answer", async () => {
    backend.answers("POST login/", NEEDED);
    backend.answers("GET second_factor/", METHODS);
    const auth = client({ onSecondFactor: () => Promise.resolve(null) });
    expect(await auth.login(LOGIN)).toMatchObject({ secondFactor: ["recovery_code", "totp"] });
  });

  it("fails when it is over meanwhile", async () => {
    backend.answers("POST login/", NEEDED);
    backend.answers("GET second_factor/", { status: 403, body: { error: "login_not_pending" } });
    expect(await client().login(LOGIN)).toMatchObject({ error: "login_not_pending" });
  });
});

describe("re-authentication", () => {
  const NEEDED = { status: 403, body: { error: "reauthentication_required" } };

  it("asks the page, and repeats the call with what it returns", async () => {
    backend.answers("POST change_email/", NEEDED, {});
    const onReauthenticate = vi.fn(() => Promise.resolve({ password: LOGIN.password }));
    const auth = client({ onReauthenticate });
    expect(await auth.changeEmail({ email: "new@example.com" })).toMatchObject({ ok: true });
    expect(onReauthenticate).toHaveBeenCalledExactlyOnceWith({
      code: "reauthentication_required",
      attempt: 1,
    });
    expect(backend.last.body).toEqual({ email: "new@example.com", password: LOGIN.password });
  });

  it("lets the page confirm the password meanwhile", async () => {
    backend.answers("POST change_email/", NEEDED, {});
    const auth = client({
      async onReauthenticate() {
        const confirmed = await auth.confirmPassword({ password: LOGIN.password });
        return confirmed.ok ? {} : null;
      },
    });
    expect(await auth.changeEmail({ email: "new@example.com" })).toMatchObject({ ok: true });
    expect(backend.requests).toEqual([
      "GET me/",
      "POST change_email/",
      "POST confirm_password/",
      "POST change_email/",
    ]);
  });

  it("is given up with null", async () => {
    backend.answers("POST change_email/", NEEDED);
    const auth = client({ onReauthenticate: () => Promise.resolve(null) });
    const result = await auth.changeEmail({ email: "new@example.com" });
    expect(result).toMatchObject({ error: "reauthentication_required" });
  });

  it("is the page's own without a question", async () => {
    backend.answers("POST change_email/", NEEDED);
    const result = await client().changeEmail({ email: "new@example.com" });
    expect(result).toMatchObject({ error: "reauthentication_required" });
  });

  it("asks three times at most", async () => {
    backend.answers("DELETE factors/totp/", {
      status: 403,
      body: { error: "second_factor_required" },
    });
    const onReauthenticate = vi.fn(() => Promise.resolve({}));
    const result = await client({ onReauthenticate }).factors.removeTotp();
    expect(result).toMatchObject({ error: "second_factor_required" });
    expect(onReauthenticate.mock.calls.map(([need]: never[]) => need)).toEqual([
      { code: "second_factor_required", attempt: 1 },
      { code: "second_factor_required", attempt: 2 },
      { code: "second_factor_required", attempt: 3 },
    ]);
  });

  it("asks for a password that the request lacks", async () => {
    const needed = { status: 400, body: { password: ["required"] } };
    backend.answers("POST logout_others/", needed, {});
    const onReauthenticate = vi.fn(() => Promise.resolve({ password: "x" }));
    expect(await client({ onReauthenticate }).logoutOthers()).toMatchObject({ ok: true });
    expect(onReauthenticate).toHaveBeenCalledWith({ code: "password_required", attempt: 1 });
  });

  it("does not ask for one that was sent, nor where the form has the field", async () => {
    const needed = { status: 400, body: { password: ["required"] } };
    backend.answers("POST logout_others/", needed);
    backend.answers("POST login/", needed);
    const onReauthenticate = vi.fn(() => Promise.resolve({ password: "x" }));
    const auth = client({ onReauthenticate });
    await auth.logoutOthers({ password: "y" });
    await auth.login({ ident: "ada", password: "" });
    expect(onReauthenticate).not.toHaveBeenCalled();
  });
});

describe("a request to an endpoint of the project's own", () => {
  it("has the cookies and the token", async () => {
    const order = { id: 7, user: 5, csrf: "other" };
    backend.answers("POST /api/orders/", { status: 201, body: order });
    const auth = client();
    const result = await auth.request("post", "/api/orders/", { item: "tea" });
    expect(result).toEqual({ ok: true, status: 201, data: order });
    expect(backend.last).toMatchObject({ method: "POST", body: { item: "tea" } });
    expect(backend.last.headers["x-csrftoken"]).toBe("me-1");
    // Its "user" and "csrf" are other things.
    expect(auth.getUser()).toBeNull();
    await auth.logout();
    expect(backend.last.headers["x-csrftoken"]).toBe("me-1");
  });

  it("may be a read without a body", async () => {
    backend.answers("GET /api/orders/", { body: [] });
    expect(await client().request("GET", "/api/orders/")).toMatchObject({ ok: true, data: [] });
    expect(backend.requests).toEqual(["GET /api/orders/"]);
  });

  it("keeps what a refusal says, in whatever shape", async () => {
    backend.answers("POST /api/orders/", { status: 400, body: { detail: "Sold out." } });
    expect(await client().request("POST", "/api/orders/", {})).toEqual({
      ok: false,
      status: 400,
      error: "unexpected_answer",
      errors: {},
      params: {},
      data: { detail: "Sold out." },
    });
  });

  it("goes to no other server", async () => {
    await expect(client().request("POST", "https://other.example/", {})).rejects.toThrow(
      "https://other.example is not the backend",
    );
    expect(backend.requests).toEqual([]);
  });
});

describe("what a project may set", () => {
  it("says the language, as a word or a function", async () => {
    await client({ language: "de" }).me();
    expect(backend.last.headers["accept-language"]).toBe("de");
    await client({ language: () => "fr" }).me();
    expect(backend.last.headers["accept-language"]).toBe("fr");
  });

  it("adds headers, such as a visitor's cookies on a server", async () => {
    await client({ headers: () => ({ Cookie: "sessionid=abc" }) }).me();
    expect(backend.last.headers.cookie).toBe("sessionid=abc");
  });

  it("replaces fetch, and needs no slash at the end of the address", async () => {
    const calls: [string, RequestInit][] = [];
    const auth = client({
      baseUrl: baseUrl.replace(/\/$/, ""),
      fetch: (url, init) => {
        calls.push([url, init]);
        return fetch(url, init);
      },
    });
    await auth.me();
    expect(calls[0]?.[0]).toBe(`${baseUrl}me/`);
    expect(calls[0]?.[1].credentials).toBe("include");
  });
});

describe("each operation", () => {
  it.each(Object.keys(ENDPOINTS) as OperationId[])("%s has its method and path", async (id) => {
    const [method, path] = ENDPOINTS[id];
    await client().call(id, { id: 3 });
    expect(backend.last).toMatchObject({ method, path: path.replace("{id}", "3") });
    expect(backend.last.body).toEqual(method === "GET" ? undefined : {});
  });

  it("of a group goes where it should", async () => {
    const auth = client();
    await auth.factors.enrolTotp();
    await auth.factors.confirmTotp({ code: "123456" });
    await auth.factors.renewRecoveryCodes();
    await auth.sessions.rename("s", { name: "Desk" });
    await auth.sessions.endOthers();
    await auth.passkey.rename(3, { name: "Phone" });
    expect(backend.requests.slice(1)).toEqual([
      "POST factors/totp/",
      "POST factors/totp/confirm/",
      "POST factors/recovery_codes/",
      "PATCH sessions/s/",
      "DELETE sessions/",
      "PATCH factors/passkeys/3/",
    ]);
    auth.close();
  });
});
