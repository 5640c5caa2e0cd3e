// @vitest-environment happy-dom
// @vitest-environment-options { "url": "http://localhost:3000/", "settings": { "fetch": { "disableSameOriginPolicy": true } } }
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Client, createClient, forgetLink, takeLink } from "../src/index.js";
import { use } from "../src/passkeys.js";
import { ADA, Backend } from "./backend.js";

/** Wait until `check` does not throw; a busy machine takes its time. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000 });

let backend: Backend;
let clients: Client[];

beforeEach(async () => {
  backend = new Backend();
  await backend.start();
  clients = [];
  history.replaceState(null, "", "http://localhost:3000/");
});

afterEach(async () => {
  for (const one of clients) one.close();
  await backend.stop();
  vi.unstubAllGlobals();
});

function client(options: Partial<Parameters<typeof createClient>[0]> = {}): Client {
  const made = createClient({ baseUrl: backend.url, ...options });
  clients.push(made);
  return made;
}

describe("the link in the address", () => {
  it("is taken out of it, and stays for a reload", () => {
    history.replaceState({ router: 1 }, "", "/auth/reset?ident=MQ&token=abc&next=%2Fhome#form");
    expect(takeLink()).toEqual({ ident: "MQ", token: "abc" });
    expect(location.href).toBe("http://localhost:3000/auth/reset?next=%2Fhome#form");
    expect(history.state).toMatchObject({ router: 1 });
    expect(takeLink()).toEqual({ ident: "MQ", token: "abc" });
  });

  it.each([
    ["#/activation?ident=MQ&token=abc", "#/activation"],
    ["#/activation?next=%2Fhome&ident=MQ&token=abc", "#/activation?next=%2Fhome"],
    ["?utm=1#/activation?ident=MQ&token=abc", "?utm=1#/activation"],
  ])("is found behind the # of %s", (address, left) => {
    history.replaceState(null, "", `/${address}`);
    expect(takeLink()).toEqual({ ident: "MQ", token: "abc" });
    expect(location.href).toBe(`http://localhost:3000/${left}`);
    expect(takeLink()).toEqual({ ident: "MQ", token: "abc" });
  });

  it("is forgotten when it is used, and the router keeps its state", () => {
    history.replaceState({ router: 1 }, "", "/auth/reset?ident=MQ&token=abc");
    takeLink();
    forgetLink();
    expect(takeLink()).toBeNull();
    expect(history.state).toEqual({ router: 1 });
  });

  it.each(["/", "/?ident=MQ", "/?token=abc", "/?ident=&token=", "/#/reset?ident=MQ", "/#a?b?c"])("is none in %s", (address) => {
    history.replaceState("a router's text", "", address);
    expect(takeLink()).toBeNull();
    forgetLink();
    expect(history.state).toBe("a router's text");
  });

  it("of a later mail replaces the one before", () => {
    history.replaceState(null, "", "/?ident=MQ&token=abc");
    takeLink();
    history.replaceState(history.state, "", "/?ident=Mg&token=def");
    expect(takeLink()).toEqual({ ident: "Mg", token: "def" });
  });
});

describe("the page of a link", () => {
  const LINK = { ident: "MQ", token: "abc" };

  it("tell a router that writes the address it knows, once it listens", async () => {
    // Next.js: it heeds a state without its mark, from after the page's effects on.
    const listening = (): string[] => {
      const heeded: string[] = [];
      const replace = history.replaceState.bind(history);
      vi.spyOn(history, "replaceState").mockImplementation((state: object, _, url) => {
        if (!("__NA" in state)) heeded.push(String(url));
        replace({ ...state, __NA: true }, "", url);
      });
      return heeded;
    };
    const clean = "http://localhost:3000/auth/reset";
    history.replaceState({ __NA: true, tree: 1 }, "", "/auth/reset?ident=MQ&token=abc");
    takeLink();
    const heeded = listening();
    await vi.waitUntil(() => heeded.length > 0);
    expect(heeded).toEqual([clean]);
    expect(location.href).toBe(clean);
    expect(history.state).toEqual({ __NA: true, tree: 1, aiKitAuthLink: { ident: "MQ", token: "abc" } });
    vi.restoreAllMocks();
  });

  it("leave the address alone after the visitor has gone to another page", async () => {
    for (const state of [{ __NA: true }, null]) {
      history.replaceState({ __NA: true }, "", "/auth/reset?ident=MQ&token=abc");
      takeLink();
      history.pushState(state, "", state ? "/home" : "/auth/reset");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(history.state).toEqual(state);
    }
  });

  it("asks what the link is good for, and uses it only when told to", async () => {
    history.replaceState(null, "", "/?ident=MQ&token=abc");
    backend.answers("POST link_status/", { body: { status: "valid" } });
    const action = client().link("reset_password");
    expect(action.link).toEqual(LINK);
    expect(backend.requests).toEqual([]);
    expect(await action.status()).toBe("valid");
    expect(backend.last.body).toEqual({ purpose: "reset_password", ...LINK });
    const result = await action.submit({ password: "tall ferns in the rain" });
    expect(result.ok).toBe(true);
    expect(backend.requests).toEqual(["POST link_status/", "POST reset_password/"]);
    expect(backend.last.body).toEqual({ ...LINK, password: "tall ferns in the rain" });
    expect(takeLink()).toBeNull();
  });

  it.each([
    ["activation", "activate_email/"],
    ["confirm_email", "confirm_email/"],
  ] as const)("of %s posts to %s", async (purpose, path) => {
    await client().link(purpose, LINK).submit();
    expect(backend.requests).toEqual([`POST ${path}`]);
    expect(backend.last.body).toEqual(LINK);
  });

  it("keeps a link that was refused, for another try", async () => {
    history.replaceState(null, "", "/?ident=MQ&token=abc");
    backend.answers("POST activate_email/", {
      status: 400,
      body: { error: "activation_proof_required" },
    });
    expect((await client().link("activation").submit()).ok).toBe(false);
    expect(takeLink()).toEqual(LINK);
  });

  it("says what it cannot know", async () => {
    backend.answers("POST link_status/", { status: 404, body: "<html>" });
    expect(await client().link("activation", LINK).status()).toBe("unknown");
  });

  it("without a link is invalid, and the backend refuses it", async () => {
    const action = client().link("activation");
    expect(action.link).toBeNull();
    expect(await action.status()).toBe("invalid");
    await action.submit();
    expect(backend.requests).toEqual(["POST activate_email/"]);
    expect(backend.last.body).toEqual({ ident: "", token: "" });
  });
});

describe("another tab", () => {
  it("learns of a login and of a logout", async () => {
    const [here, there] = [client(), client()];
    await there.me();
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    backend.answers("GET me/", { body: { user: ADA, csrf: "of-me" } });
    await here.login({ ident: "ada", password: "x" });
    await eventually(() => {
      expect(there.getUser()).toEqual(ADA);
    });
    backend.answers("GET me/", { body: { user: null, csrf: "later" } });
    backend.answers("POST logout/", { body: { csrf: "of-logout" } });
    await here.logout();
    await eventually(() => {
      expect(there.getUser()).toBeNull();
    });
  });

  it("that never asked who the user is does not ask now", async () => {
    const [here, there] = [client(), client()];
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    await here.login({ ident: "ada", password: "x" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(backend.requests).toEqual(["GET me/", "POST login/"]);
    expect(there.getUser()).toBeUndefined();
  });

  it("of a client that was closed learns nothing", async () => {
    const [here, there] = [client(), client()];
    await there.me();
    there.close();
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    await here.login({ ident: "ada", password: "x" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(there.getUser()).toBeNull();
  });

  it("is not needed", async () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    const auth = client();
    backend.answers("POST login/", { body: { user: ADA, csrf: "of-login" } });
    expect(await auth.login({ ident: "ada", password: "x" })).toMatchObject({ ok: true });
  });
});

it("a relative address is one of the page's own origin", async () => {
  const asked: string[] = [];
  const auth = client({
    baseUrl: "/api/v1/auth/",
    fetch: (url) => {
      asked.push(url);
      return Promise.resolve(Response.json({ user: null, csrf: "x" }));
    },
  });
  await auth.me();
  await auth.request("GET", "/api/orders/");
  expect(asked).toEqual(["/api/v1/auth/me/", "http://localhost:3000/api/orders/"]);
});

// What a browser without the newer methods of WebAuthn gives, and one with them.

const bytes = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer;
const OPTIONS = {
  challenge: "Y2hhbGxlbmdl",
  rpId: "example.com",
  rp: { id: "example.com", name: "Example" },
  user: { id: "dXNlcg", name: "ada" },
  allowCredentials: [{ type: "public-key", id: "b25l" }],
  excludeCredentials: [{ type: "public-key", id: "b25l" }],
};

interface Question {
  publicKey: Record<string, unknown>;
  signal: AbortSignal;
  mediation?: string;
}

/** A browser with WebAuthn. `answer` gets what `navigator.credentials` gets. */
function withPasskeys(answer: (question: Question) => unknown, recent: object = {}): void {
  vi.stubGlobal("PublicKeyCredential", Object.assign(() => undefined, recent));
  const ask = (question: Question): Promise<unknown> =>
    new Promise((resolve) => {
      resolve(answer(question));
    });
  vi.stubGlobal("navigator", { credentials: { create: ask, get: ask } });
}

function refusal(name: string): never {
  throw new DOMException("", name);
}

const NEW = { id: "bmV3", toJSON: () => ({ id: "bmV3", type: "public-key" }) };

function answersOptions(): void {
  for (const path of [
    "passkey_login/options/",
    "second_factor/passkey_options/",
    "factors/passkeys/options/",
    "activate_email/passkey_options/",
  ]) {
    backend.answers(`POST ${path}`, { body: { publicKey: OPTIONS } });
  }
}

describe("passkeys", () => {
  beforeEach(answersOptions);

  it("are not supported by every browser, and then nothing is asked", async () => {
    const auth = client();
    expect(auth.passkey.isSupported()).toBe(false);
    expect(await auth.passkey.canAutofill()).toBe(false);
    expect(await auth.passkey.login()).toEqual({
      ok: false,
      status: 0,
      error: "passkey_not_supported",
      errors: {},
      params: {},
    });
    expect(backend.requests).toEqual([]);
  });

  it("log in", async () => {
    let asked: Question | undefined;
    withPasskeys((question) => {
      asked = question;
      return NEW;
    });
    backend.answers("POST passkey_login/", { body: { user: ADA, csrf: "x" } });
    const auth = client();
    expect(auth.passkey.isSupported()).toBe(true);
    expect(await auth.passkey.login({ remember: true })).toMatchObject({ ok: true });
    expect(auth.getUser()).toEqual(ADA);
    expect(backend.last.body).toEqual({
      credential: { id: "bmV3", type: "public-key" },
      remember: true,
    });
    expect(asked?.mediation).toBeUndefined();
    expect(asked?.publicKey.challenge).toEqual(new Uint8Array(bytes("challenge")));
  });

  it("log in from the list of a field, where the browser can", async () => {
    let asked: Question | undefined;
    const given: object[] = [];
    withPasskeys(
      (question) => {
        asked = question;
        return NEW;
      },
      {
        isConditionalMediationAvailable: () => Promise.resolve(true),
        parseRequestOptionsFromJSON: (options: object) => {
          given.push(options);
          return { parsed: true };
        },
      },
    );
    const auth = client();
    expect(await auth.passkey.canAutofill()).toBe(true);
    await auth.passkey.login({ conditional: true, remember: () => false });
    expect(asked?.mediation).toBe("conditional");
    expect(asked?.publicKey).toEqual({ parsed: true });
    expect(given).toEqual([OPTIONS]);
    expect(backend.last.body).toMatchObject({ remember: false });
  });

  it("may be any of the device's, as the options of a login say", async () => {
    let asked: Question | undefined;
    withPasskeys((question) => {
      asked = question;
      return NEW;
    });
    const publicKey = { challenge: OPTIONS.challenge, rpId: OPTIONS.rpId };
    backend.answers("POST passkey_login/options/", { body: { publicKey } });
    await client().passkey.login();
    expect(Object.keys(asked?.publicKey ?? {})).toEqual(["challenge", "rpId"]);
  });

  it("need a browser that says whether it has such a list", async () => {
    withPasskeys(() => NEW);
    expect(await client().passkey.canAutofill()).toBe(false);
  });

  it.each([
    ["NotAllowedError", "passkey_cancelled"],
    ["InvalidStateError", "passkey_exists"],
    ["SecurityError", "passkey_not_here"],
    ["NotSupportedError", "passkey_not_supported"],
    ["ConstraintError", "passkey_not_supported"],
    ["AbortError", "aborted"],
  ])("tell of a %s", async (name, code) => {
    withPasskeys(() => refusal(name));
    expect(await client().passkey.login()).toMatchObject({ ok: false, status: 0, error: code });
    expect(backend.last.path).toBe("passkey_login/options/");
  });

  it("tell of a browser that returns none", async () => {
    withPasskeys(() => null);
    expect(await client().passkey.login()).toMatchObject({ error: "passkey_cancelled" });
  });

  it("tell of options that the backend refuses", async () => {
    withPasskeys(() => NEW);
    backend.answers("POST passkey_login/options/", { status: 429, body: { error: "throttled" } });
    expect(await client().passkey.login()).toMatchObject({ error: "throttled" });
  });

  it("end the question when the page aborts, or asks another", async () => {
    const signals: AbortSignal[] = [];
    withPasskeys(({ signal }) => {
      signals.push(signal);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(new DOMException("", "AbortError"));
        });
      });
    });
    const auth = client();
    const list = auth.passkey.login({ conditional: true });
    await eventually(() => {
      expect(signals).toHaveLength(1);
    });
    const controller = new AbortController();
    const button = auth.passkey.login({ signal: controller.signal });
    expect(await list).toMatchObject({ error: "aborted" });
    await eventually(() => {
      expect(signals).toHaveLength(2);
    });
    // The list of a field does not end what the person asked for.
    expect(await auth.passkey.login({ conditional: true })).toMatchObject({ error: "aborted" });
    expect(signals).toHaveLength(2);
    expect(signals[1]?.aborted).toBe(false);
    controller.abort();
    expect(await button).toMatchObject({ error: "aborted" });
  });

  it("end a question that was aborted before it is asked", async () => {
    withPasskeys(() => NEW);
    expect(await use(OPTIONS, AbortSignal.abort())).toEqual({ code: "aborted" });
  });

  it("do not ask after an abort", async () => {
    let isAsked = false;
    withPasskeys(() => {
      isAsked = true;
      return NEW;
    });
    const controller = new AbortController();
    backend.answers("POST passkey_login/options/", () => {
      setTimeout(() => {
        controller.abort();
      });
      return { body: { publicKey: OPTIONS }, delay: 30 };
    });
    const result = await client().passkey.login({ signal: controller.signal });
    expect(result).toMatchObject({ error: "aborted" });
    expect(isAsked).toBe(false);
  });

  it("are the second factor of a login, and of a re-authentication", async () => {
    withPasskeys(() => NEW);
    const auth = client();
    await auth.passkey.secondFactor({ trust: true });
    expect(backend.last).toMatchObject({
      path: "second_factor/",
      body: { method: "passkey", trust: true, credential: { id: "bmV3" } },
    });
    await auth.passkey.secondFactor();
    expect(backend.last.body).not.toHaveProperty("trust");
    await auth.passkey.confirm();
    expect(backend.last).toMatchObject({ path: "confirm_password/", body: { method: "passkey" } });
  });

  it("are added, with the answer of a browser that has no toJSON", async () => {
    withPasskeys(() => ({
      id: "bmV3",
      type: "public-key",
      authenticatorAttachment: null,
      getClientExtensionResults: () => ({ credProps: { rk: true } }),
      response: {
        clientDataJSON: bytes("{}"),
        attestationObject: bytes("???>>>"),
        getTransports: () => ["internal"],
      },
    }));
    const auth = client();
    expect(await auth.passkey.add("Phone")).toMatchObject({ ok: true });
    expect(backend.last.body).toEqual({
      name: "Phone",
      credential: {
        id: "bmV3",
        rawId: "bmV3",
        type: "public-key",
        clientExtensionResults: { credProps: { rk: true } },
        response: {
          clientDataJSON: "e30",
          attestationObject: "Pz8_Pj4-",
          transports: ["internal"],
        },
      },
    });
  });

  it("give the answer of a login without toJSON", async () => {
    withPasskeys(() => ({
      id: "bmV3",
      type: "public-key",
      authenticatorAttachment: "platform",
      getClientExtensionResults: () => ({}),
      response: {
        clientDataJSON: bytes("{}"),
        authenticatorData: bytes("a"),
        signature: bytes("b"),
        userHandle: null,
      },
    }));
    await client().passkey.login();
    expect(backend.last.body).toMatchObject({
      credential: {
        authenticatorAttachment: "platform",
        response: { clientDataJSON: "e30", authenticatorData: "YQ", signature: "Yg" },
      },
    });
  });

  it("make an account without a password active", async () => {
    history.replaceState(null, "", "/?ident=MQ&token=abc");
    const link = takeLink() ?? { ident: "", token: "" };
    const parsed: object[] = [];
    withPasskeys(() => NEW, {
      parseCreationOptionsFromJSON: (options: object) => {
        parsed.push(options);
        return options;
      },
    });
    const auth = client();
    await auth.passkey.signUp(link, "Phone");
    expect(parsed).toEqual([OPTIONS]);
    expect(backend.last).toMatchObject({
      path: "activate_email/",
      body: { ...link, name: "Phone", credential: { id: "bmV3" } },
    });
    expect(takeLink()).toBeNull();
    await auth.passkey.signUp(link);
    expect(backend.last.body).not.toHaveProperty("name");
  });
});

describe("the browser's list of passkeys", () => {
  const unknown = vi.fn(() => Promise.resolve());
  const accepted = vi.fn(() => Promise.resolve());
  const REFUSED = { status: 400, body: { credential: ["invalid_credential"] } };

  beforeEach(() => {
    answersOptions();
    unknown.mockClear();
    accepted.mockClear();
    withPasskeys(() => NEW, {
      signalUnknownCredential: unknown,
      signalAllAcceptedCredentials: accepted,
    });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("loses the one that the backend does not know", async () => {
    backend.answers("POST passkey_login/", REFUSED);
    expect(await client().passkey.login()).toMatchObject({ ok: false });
    expect(unknown).toHaveBeenCalledExactlyOnceWith({
      rpId: "example.com",
      credentialId: "bmV3",
    });
  });

  it("keeps it when the challenge may have been too old", async () => {
    backend.answers("POST passkey_login/", REFUSED);
    withPasskeys(
      () => {
        vi.useFakeTimers({ now: Date.now() + 600_000, toFake: ["Date"] });
        return NEW;
      },
      { signalUnknownCredential: unknown },
    );
    await client().passkey.login();
    expect(unknown).not.toHaveBeenCalled();
  });

  it("keeps it when something else went wrong", async () => {
    backend.answers("POST passkey_login/", { status: 503, body: { error: "service_unavailable" } });
    await client().passkey.login();
    expect(unknown).not.toHaveBeenCalled();
  });

  it("keeps it as a second factor that was refused", async () => {
    backend.answers("POST second_factor/", REFUSED);
    await client().passkey.secondFactor();
    expect(unknown).not.toHaveBeenCalled();
  });

  it("has those that are there after one was added", async () => {
    await client().passkey.add("Phone", { password: "x" });
    expect(accepted).toHaveBeenCalledExactlyOnceWith({
      rpId: "example.com",
      userId: "dXNlcg",
      allAcceptedCredentialIds: ["b25l", "bmV3"],
    });
  });

  it("has those that are left after one was removed", async () => {
    const first = { ...OPTIONS, excludeCredentials: undefined };
    backend.answers("POST factors/passkeys/options/", { body: { publicKey: first } });
    expect(await client().passkey.remove(3)).toMatchObject({ ok: true });
    expect(accepted).toHaveBeenCalledExactlyOnceWith({
      rpId: "example.com",
      userId: "dXNlcg",
      allAcceptedCredentialIds: [],
    });
  });

  it("stays when the removal, or the question about the others, fails", async () => {
    backend.answers("POST factors/passkeys/options/", { status: 403, body: { error: "x" } });
    await client().passkey.remove(3);
    backend.answers("DELETE factors/passkeys/3/", { status: 404, body: { error: "not_found" } });
    await client().passkey.remove(3);
    expect(accepted).not.toHaveBeenCalled();
    expect(backend.last.path).toBe("factors/passkeys/3/");
  });

  it("need not listen", async () => {
    unknown.mockRejectedValueOnce(new TypeError("no"));
    accepted.mockRejectedValueOnce(new TypeError("no"));
    backend.answers("POST passkey_login/", REFUSED);
    const auth = client();
    expect(await auth.passkey.login()).toMatchObject({ ok: false });
    expect(await auth.passkey.add("Phone")).toMatchObject({ ok: true });
    withPasskeys(() => NEW);
    expect(await auth.passkey.login()).toMatchObject({ ok: false });
    expect(await auth.passkey.add("Phone")).toMatchObject({ ok: true });
    backend.answers("DELETE factors/passkeys/3/", { status: 204 });
    await auth.passkey.remove(3);
    expect(backend.last.path).toBe("factors/passkeys/3/");
  });
});
