import { DEMO_LOGINS } from "/config.js";

import { ApiError, post } from "../api.js";
import { destination } from "../destination.js";
import { el, heading, say } from "../dom.js";
import { checkbox, field, form } from "../form.js";
import { errorMessage } from "../messages.js";
import { areSupported, canAutofill, use } from "../passkeys.js";
import { currentUser, login as logIn, loginBy } from "../session.js";

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
        // Two answers at once would both set the cookie of a session.
        await passkey?.stop();
        try {
          await logIn(ident.value(), password.value(), remember.value());
        } catch (error) {
          if (!(error instanceof ApiError) || !error.has("second_factor_required")) {
            passkey?.offer();
            throw error;
          }
          const next = { ...state, notice: null, ident: ident.value() };
          await navigate("/auth/second_step", { replace: true, state: next });
          return;
        }
        await navigate(destination(state), { replace: true });
      },
    });
    if (state?.notice) status.show("info", say("p", state.notice));

    async function logInBy(credential) {
      await loginBy("passkey_login/", { credential, remember: remember.value() });
      await navigate(destination(state), { replace: true });
    }

    const passkey = passkeyLogin(logInBy, left);
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
 * person has `left` the page. `logInBy` gets the credential. `stop()` of the result ends the
 * question and waits for what is under way; `offer()` asks again.
 */
function passkeyLogin(logInBy, left) {
  if (!areSupported()) return null;
  // A browser answers one question at a time. The button's ends that of the field, and
  // waits until its login, if it came to one, is over.
  let question = new AbortController();
  let last = Promise.resolve();
  left.addEventListener("abort", () => question.abort());

  function ask(mediation) {
    question.abort();
    question = new AbortController();
    const { signal } = question;
    const asked = last.then(async () => {
      if (left.aborted || signal.aborted) return;
      const { publicKey } = await post("passkey_login/options/", {});
      await logInBy(await use(publicKey, { signal, mediation }));
    });
    last = asked.catch(() => {});
    return asked;
  }

  const { element, status } = form({
    name: "passkey",
    fields: [],
    submit: "login.passkey",
    look: "quiet",
    async send() {
      try {
        await ask();
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    },
  });

  async function offer() {
    try {
      if (await canAutofill()) await ask("conditional");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof ApiError)) throw error;
      // Nobody asked for a list that cannot be offered. A refused passkey is another thing.
      if (error.fields.credential) status.show("error", errorMessage(error));
    }
  }

  function stop() {
    question.abort();
    return last;
  }

  offer();
  return { element, stop, offer };
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
