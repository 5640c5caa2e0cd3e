import { DEMO_LOGINS } from "/config.js";

import { auth, Refusal } from "../api.js";
import { destination } from "../destination.js";
import { el, heading, say } from "../dom.js";
import { checkbox, field, form } from "../form.js";
import { errorMessage } from "../messages.js";
import { currentUser } from "../session.js";

/** Log in with a user name or an e-mail address. `state` is what loginState() returns. */
export const login = {
  title: "login.title",
  async render({ navigate, state, left }) {
    if (currentUser()) {
      await navigate(destination(state), { replace: true });
      return null;
    }
    const ident = field("ident", {
      label: "field.ident",
      // The browser offers passkeys in the list of this field.
      autocomplete: "username webauthn",
    });
    const password = field("password", {
      label: "field.password",
      type: "password",
      autocomplete: "current-password",
    });
    const remember = checkbox("remember", {
      label: "login.remember",
      hint: "login.remember_hint",
    });
    const { element, status } = form({
      fields: [ident, password, remember],
      submit: "login.submit",
      async send() {
        const result = await auth.login({
          ident: ident.value(),
          password: password.value(),
          remember: remember.value(),
        });
        if (result.secondFactor) {
          const next = { ...state, notice: null, ident: ident.value() };
          await navigate("/auth/second_step", { replace: true, state: next });
          return;
        }
        if (!result.ok) throw new Refusal(result);
        await navigate(destination(state), { replace: true });
      },
    });
    if (state?.notice) status.show("info", say("p", state.notice));

    const passkey = passkeyLogin({
      arrive: () => navigate(destination(state), { replace: true }),
      remember: remember.value,
      left,
    });
    const card = el(
      "section",
      { class: "card" },
      heading("login.title"),
      element,
      passkey?.element,
      el("p", { class: "aside" }, say("a", "login.forgot", { href: "/auth/forgot_password" })),
      el("p", { class: "aside" }, say("a", "login.resend", { href: "/auth/resend_activation" })),
      el(
        "p",
        { class: "aside" },
        say("span", "login.no_account"),
        " ",
        say("a", "login.register", { href: "/auth/register" }),
      ),
    );

    function fill(login) {
      ident.fill(login.username);
      password.fill(login.password);
      password.input.focus();
    }

    return el("div", { class: "stack" }, card, demoLogins(fill));
  },
};

/**
 * The button for a login by passkey, and passkeys in the list of the first field until the
 * person has `left` the page. `arrive()` is called after a login.
 */
function passkeyLogin({ arrive, remember, left }) {
  if (!auth.passkey.isSupported()) return null;
  const list = new AbortController();
  left.addEventListener("abort", () => list.abort());
  const { element, status } = form({
    name: "passkey",
    fields: [],
    submit: "login.passkey",
    look: "quiet",
    async send() {
      // A browser answers one question at a time.
      list.abort();
      const result = await auth.passkey.login({ signal: left, remember });
      if (result.ok) await arrive();
      else if (!left.aborted) throw new Refusal(result);
    },
  });

  async function offer() {
    const { signal } = list;
    if (!(await auth.passkey.canAutofill()) || signal.aborted) return;
    const result = await auth.passkey.login({ conditional: true, signal, remember });
    if (result.ok) await arrive();
    // A list that cannot be offered is no news. A refused passkey is another thing.
    else if (result.errors.credential) {
      status.show("error", errorMessage(new Refusal(result)));
    }
  }

  offer();
  return { element };
}

/** The accounts that the example makes at its start. `fill` puts one into the form. */
function demoLogins(fill) {
  return el(
    "section",
    { class: "card", "aria-labelledby": "demo-title" },
    say("h2", "login.demo_title", { id: "demo-title" }),
    say("p", "login.demo_text", { class: "lead" }),
    el("ul", { class: "logins" }, ...DEMO_LOGINS.map(demoLogin)),
  );

  function demoLogin(login) {
    const { username, email, password } = login;
    const known = password !== null;
    return el(
      "li",
      { "data-testid": `demo-${username}` },
      el(
        "dl",
        { class: "facts" },
        say("dt", "field.username"),
        el("dd", {}, username),
        say("dt", "field.email"),
        el("dd", {}, email),
        say("dt", "field.password"),
        known ? el("dd", {}, password) : say("dd", "login.demo_changed"),
      ),
      login.totp_secret && say("p", "login.demo_totp", { class: "hint" }),
      known &&
        say(
          "button",
          "login.demo_fill",
          {
            type: "button",
            class: "button quiet",
            "data-testid": `demo-fill-${username}`,
            onclick: () => fill(login),
          },
          { username },
        ),
    );
  }
}
