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
    return el(
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
  },
};
