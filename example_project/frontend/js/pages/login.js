import { el, heading, say } from "../dom.js";
import { field, form } from "../form.js";
import { currentUser, login as logIn } from "../session.js";

/** Log in with a user name or an e-mail address. `state.notice` is a sentence key. */
export const login = {
  title: "login.title",
  async render({ navigate, state }) {
    if (currentUser()) {
      await navigate("/auth/profile", { replace: true });
      return null;
    }
    const ident = field("ident", { label: "field.ident", autocomplete: "username" });
    const password = field("password", {
      label: "field.password",
      type: "password",
      autocomplete: "current-password",
    });
    const { element, status } = form({
      fields: [ident, password],
      submit: "login.submit",
      async send() {
        await logIn(ident.value(), password.value());
        await navigate("/auth/profile", { replace: true });
      },
    });
    if (state?.notice) status.show("info", say("p", state.notice));
    return el(
      "section",
      { class: "card" },
      heading("login.title"),
      element,
      el("p", { class: "aside" }, say("a", "login.forgot", { href: "/auth/forgot_password" })),
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
