import { DEMO_LOGINS } from "/config.js";

import { destination } from "../destination.js";
import { el, heading, say } from "../dom.js";
import { checkbox, field, form } from "../form.js";
import { currentUser, login as logIn } from "../session.js";

/** Log in with a user name or an e-mail address. `state` is what loginState() returns. */
export const login = {
  title: "login.title",
  async render({ navigate, state }) {
    if (currentUser()) {
      await navigate(destination(state), { replace: true });
      return null;
    }
    const ident = field("ident", { label: "field.ident", autocomplete: "username" });
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
        await logIn(ident.value(), password.value(), remember.value());
        await navigate(destination(state), { replace: true });
      },
    });
    if (state?.notice) status.show("info", say("p", state.notice));
    const card = el(
      "section",
      { class: "card" },
      heading("login.title"),
      element,
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
