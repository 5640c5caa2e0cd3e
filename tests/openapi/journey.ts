/**
 * A whole journey through the endpoints, by a client that is generated from the schema.
 *
 *     node journey.js http://localhost:8000
 *
 * It compiles only where the schema says what the endpoints take and answer: "tsc" is
 * half of the test, and the switches below name every code that can come.
 */

import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Schemas = components["schemas"];

const host = process.argv[2] ?? "http://localhost:8000";
const password = "tall ferns in the rain";
const newPassword = "nine lanterns on a hill";

function check(condition: boolean, what: string): asserts condition {
  if (!condition) {
    throw new Error(what);
  }
}

/** What a browser does by itself: the session's cookie goes back to the host. */
const cookies = new Map<string, string>();
const cookieJar: Middleware = {
  onRequest({ request }) {
    const pairs = [...cookies].map(([name, value]) => `${name}=${value}`);
    request.headers.set("Cookie", pairs.join("; "));
    return request;
  },
  onResponse({ response }) {
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ""] = cookie.split(";");
      const [name = "", value = ""] = pair.split("=");
      cookies.set(name, value);
    }
  },
};

const client = createClient<paths>({ baseUrl: host });
client.use(cookieJar);

/** The sentence for a login that failed as a whole. No default: tsc asks for each code. */
function loginSentence(code: Schemas["LoginNonFieldErrorsCode"]): string {
  switch (code) {
    case "invalid_credentials":
      return "Wrong name or password.";
    case "second_factor_required":
      return "One more step.";
    case "invalid":
    case "null":
      return "The form is broken.";
  }
}

function requestSentence(
  code:
    | Schemas["LoginError400Code"]
    | Schemas["LoginError403Code"]
    | Schemas["LoginError415Code"]
    | Schemas["LoginError429Code"]
    | Schemas["LoginError503Code"],
): string {
  switch (code) {
    case "csrf_failed":
      return "Please try once more.";
    case "throttled":
      return "Too many attempts.";
    case "service_unavailable":
      return "Please try again later.";
    case "parse_error":
    case "unsupported_media_type":
      return "The request is broken.";
  }
}

function passwordSentence(code: Schemas["ResetPasswordPasswordCode"]): string {
  switch (code) {
    case "password_too_short":
      return "Too short.";
    case "password_too_similar":
      return "Too much like your name.";
    case "password_too_common":
      return "Everybody has this one.";
    case "password_entirely_numeric":
      return "Not only digits, please.";
    case "required":
    case "blank":
    case "null":
      return "Please choose a password.";
    case "max_length":
      return "Too long.";
    case "invalid":
    case "null_characters_not_allowed":
    case "surrogate_characters_not_allowed":
      return "This cannot be a password.";
  }
}

/** The ident and token of the link in the newest of so many mails to this address. */
async function mailedLink(
  address: string,
  count: number,
): Promise<{ ident: string; token: string }> {
  const answer = await fetch(`${host}/outbox/`);
  const { messages } = (await answer.json()) as {
    messages: { to: string; text: string }[];
  };
  const mails = messages.filter((message) => message.to === address);
  if (mails.length < count) {
    // It goes out after the answer that the request got.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return mailedLink(address, count);
  }
  const link = new URL(/https?:\/\/\S+/.exec(mails[0]?.text ?? "")?.[0] ?? "");
  const { ident, token } = Object.fromEntries(link.searchParams);
  check(ident !== undefined && token !== undefined, "the link has both parts");
  return { ident, token };
}

async function me(): Promise<Schemas["MeAnswer"]> {
  const { data } = await client.GET("/api/v1/auth/me/");
  check(data !== undefined, "me/ answers");
  return data;
}

async function login(
  ident: string,
  secret: string,
  csrf: string,
): Promise<Schemas["LoginAnswer"] | string> {
  const { data, error } = await client.POST("/api/v1/auth/login/", {
    params: { header: { "X-CSRFToken": csrf } },
    body: { ident, password: secret },
  });
  if (error === undefined) {
    return data;
  }
  if ("error" in error) {
    return requestSentence(error.error);
  }
  return (error.non_field_errors ?? []).map(loginSentence).join(" ");
}

async function journey(): Promise<void> {
  const address = `ada${Date.now()}@example.com`;

  const nobody = await me();
  check(nobody.user === null, "nobody is logged in");

  const registered = await client.POST("/api/v1/auth/register/", {
    body: { email: address, password },
  });
  check(registered.response.status === 201, "registered");
  const again = await client.POST("/api/v1/auth/register/", {
    body: { email: address, password },
  });
  check(
    again.error !== undefined &&
      !("error" in again.error) &&
      again.error.email?.[0] === "email_unique",
    "an address has one account",
  );

  const link = await mailedLink(address, 1);
  const status = async (): Promise<Schemas["LinkStatusAnswer"]["status"] | undefined> =>
    (
      await client.POST("/api/v1/auth/link_status/", {
        body: { purpose: "activation", ...link },
      })
    ).data?.status;
  check((await status()) === "valid", "the link is good");
  const activate = () => client.POST("/api/v1/auth/activate_email/", { body: link });
  check((await activate()).response.ok, "activated");
  const used = (await activate()).error;
  check(
    used !== undefined && "error" in used && used.error === "activation_link_invalid",
    "a link is good once",
  );
  check((await status()) === "used", "and has done what it is for");
  const { error: unknown } = await client.POST("/api/v1/auth/link_status/", {
    // @ts-expect-error: the schema has the purposes
    body: { purpose: "party", ...link },
  });
  check(
    unknown !== undefined &&
      !("error" in unknown) &&
      unknown.purpose?.[0] === "invalid",
    "there is no such purpose",
  );

  check(
    (await login(address, "wrong", nobody.csrf)) === "Wrong name or password.",
    "a wrong password is refused",
  );
  check(
    (await login(address, password, "")) === "Please try once more.",
    "a login without the token is refused",
  );
  const loggedIn = await login(address, password, nobody.csrf);
  check(typeof loggedIn !== "string", "logged in");
  check(loggedIn.user.email === address, "as the one who registered");
  const somebody = await me();
  check(somebody.user?.id === loggedIn.user.id, "me/ says who");

  const out = await client.POST("/api/v1/auth/logout/", {
    params: { header: { "X-CSRFToken": somebody.csrf } },
  });
  check(out.data !== undefined && (await me()).user === null, "logged out");
  const outAgain = await client.POST("/api/v1/auth/logout/", {
    params: { header: { "X-CSRFToken": out.data.csrf } },
  });
  check(outAgain.error?.error === "not_authenticated", "nobody can log out");

  const asked = await client.POST("/api/v1/auth/send_pw_reset_email/", {
    body: { email: address },
  });
  check(asked.response.ok, "asked for a reset mail");
  const reset = await mailedLink(address, 2);

  const weak = await client.POST("/api/v1/auth/validate_password/", {
    body: { ident: reset.ident, password: "password" },
  });
  check(weak.error !== undefined && !("error" in weak.error), "weak");
  const problems = (weak.error.password ?? []).map(passwordSentence);
  check(problems[0] === "Everybody has this one.", "a weak password has reasons");
  const strong = await client.POST("/api/v1/auth/validate_password/", {
    body: { ident: reset.ident, password: newPassword },
  });
  check(strong.response.ok, "a strong one has none");

  const done = await client.POST("/api/v1/auth/reset_password/", {
    body: { ...reset, password: newPassword },
  });
  check(done.response.ok, "reset");
  const { csrf } = await me();
  const last = await login(address, newPassword, csrf);
  check(typeof last !== "string", "logged in by the new password");
  const { csrf: later } = await secondFactor(address, last.csrf);
  await accountPage(address, later);
}

/** The code of an authenticator app: RFC 6238, with SHA-1, six digits and 30 seconds. */
async function totp(secret: string): Promise<string> {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) =>
    alphabet.indexOf(letter).toString(2).padStart(5, "0"),
  );
  const octets = bits.join("").match(/.{8}/g) ?? [];
  const bytes = new Uint8Array(octets.map((octet) => parseInt(octet, 2)));
  const hmac = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(Date.now() / 30_000)));
  const hash = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const offset = hash.getUint8(hash.byteLength - 1) & 15;
  const code = (hash.getUint32(offset) & 0x7fffffff) % 1_000_000;
  return String(code).padStart(6, "0");
}

/** Adds an authenticator app, logs in with a recovery code, and removes the app. */
async function secondFactor(
  address: string,
  csrf: string,
): Promise<Schemas["SecondFactorAnswer"]> {
  const header = (token: string) => ({ header: { "X-CSRFToken": token } });

  const enrolled = await client.POST("/api/v1/auth/factors/totp/", {
    params: header(csrf),
    body: { password: newPassword },
  });
  check(enrolled.data !== undefined, "a secret for an app");
  const confirmed = await client.POST("/api/v1/auth/factors/totp/confirm/", {
    params: header(csrf),
    body: { code: await totp(enrolled.data.secret), password: newPassword },
  });
  check(confirmed.data !== undefined, "the app counts");
  const [code] = confirmed.data.recovery_codes;
  check(code !== undefined, "and there are recovery codes");

  const out = await client.POST("/api/v1/auth/logout/", { params: header(csrf) });
  check(out.data !== undefined, "logged out");
  const begun = await login(address, newPassword, out.data.csrf);
  check(begun === "One more step.", "the password is not enough");
  check((await me()).user === null, "and nobody is logged in");

  const waiting = await client.GET("/api/v1/auth/second_factor/");
  check(waiting.data !== undefined, "a login waits");
  check(waiting.data.methods.includes("recovery_code"), "there is a choice");
  const finish = (typed: string) =>
    client.POST("/api/v1/auth/second_factor/", {
      params: header(waiting.data.csrf),
      body: { method: "recovery_code", code: typed },
    });
  const wrong = (await finish("aaaa-aaaa-aaaa-aaaa")).error;
  check(
    wrong !== undefined && !("error" in wrong) && wrong.code?.[0] === "invalid_code",
    "not every code is good",
  );
  const { data } = await finish(code);
  check(data !== undefined && data.user.email === address, "the second step is done");
  check((await finish(code)).error !== undefined, "once");

  const list = await client.GET("/api/v1/auth/sessions/");
  const [session, ...others] = list.data ?? [];
  check(session?.current === true && others.length === 0, "one session is left");
  check(session.factor === "recovery_code", "which tells how it began");

  const removed = await client.DELETE("/api/v1/auth/factors/totp/", {
    params: header(data.csrf),
    body: { password: newPassword },
  });
  check(removed.response.status === 204, "the app is gone");
  return data;
}

/** What whoever is logged in does with the account, which is deleted at the end. */
async function accountPage(address: string, csrf: string): Promise<void> {
  const header = (token: string) => ({ header: { "X-CSRFToken": token } });
  const later = `new-${address}`;

  const named = await client.PATCH("/api/v1/auth/me/", {
    params: header(csrf),
    body: { username: later },
  });
  check(named.data?.user.username === later, "another name");

  const wrong = await client.POST("/api/v1/auth/confirm_password/", {
    params: header(csrf),
    body: { password },
  });
  check(
    wrong.error !== undefined &&
      !("error" in wrong.error) &&
      wrong.error.password?.[0] === "invalid_credentials",
    "the old password proves nothing",
  );
  const proven = await client.POST("/api/v1/auth/confirm_password/", {
    params: header(csrf),
    body: { password: newPassword },
  });
  check(proven.response.ok, "the session is fresh");

  // So no password is needed here.
  const asked = await client.POST("/api/v1/auth/change_email/", {
    params: header(csrf),
    body: { email: later },
  });
  check(asked.response.ok, "asked for another address");
  const link = await mailedLink(later, 1);
  const confirm = () => client.POST("/api/v1/auth/confirm_email/", { body: link });
  check((await confirm()).response.ok, "confirmed");
  const used = (await confirm()).error;
  check(
    used !== undefined &&
      "error" in used &&
      used.error === "email_change_link_invalid",
    "a link changes the address once",
  );
  check((await me()).user?.email === later, "another address");

  const changed = await client.POST("/api/v1/auth/change_password/", {
    params: header(csrf),
    body: { password: newPassword, new_password: password },
  });
  check(changed.data !== undefined, "another password");
  const alone = await client.POST("/api/v1/auth/logout_others/", {
    params: header(changed.data.csrf),
    body: { password },
  });
  check(alone.data !== undefined, "only this session is left");

  const deleted = await client.POST("/api/v1/auth/delete_account/", {
    params: header(alone.data.csrf),
    body: { password },
  });
  check(deleted.data !== undefined && (await me()).user === null, "deleted");
  const back = await login(later, password, deleted.data.csrf);
  check(back === "Wrong name or password.", "and gone");
  const again = await client.POST("/api/v1/auth/resend_activation_email/", {
    body: { email: later },
  });
  check(again.response.ok, "which nobody is told");
}

await journey();
console.log("The journey is done.");
