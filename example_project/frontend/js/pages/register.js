import { post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { checkWhileTyping, field, form, newPasswordFields } from "../form.js";
import { currentUser } from "../session.js";

/** Create an account; the password is checked while the user types it. */
export const register = {
  title: "register.title",
  async render({ navigate }) {
    if (currentUser()) {
      await navigate("/auth/profile", { replace: true });
      return null;
    }
    const email = field("email", {
      label: "field.email",
      type: "email",
      autocomplete: "email",
    });
    const username = field("username", {
      label: "field.username",
      autocomplete: "username",
      hint: "register.username_hint",
      optional: true,
    });
    const { password, password2, check } = newPasswordFields("password", "field.password");
    const body = () => ({
      username: username.value(),
      email: email.value(),
      password: password.value(),
    });
    const checking = checkWhileTyping(password, body, [email, username]);
    const card = el("section", { class: "card" });
    const { element } = form({
      fields: [email, username, password, password2],
      submit: "register.submit",
      check,
      async send() {
        checking.stop();
        try {
          await post("register/", body());
        } catch (error) {
          if (!error.fields?.password) checking.resume();
          throw error;
        }
        const status = statusArea();
        const title = heading("register.done_title");
        card.replaceChildren(
          title,
          status.element,
          buttonLink("register.outbox", "/outbox", { "data-testid": "to-outbox" }),
          sendAgain(email.value()),
        );
        status.show("success", say("p", "register.done", {}, { email: email.value() }));
        title.focus();
      },
    });
    card.append(
      heading("register.title"),
      say("p", "register.intro", { class: "lead" }),
      element,
      el(
        "p",
        { class: "aside" },
        say("span", "register.have_account"),
        " ",
        say("a", "register.login", { href: "/auth/login" }),
      ),
    );
    return card;
  },
};

function sendAgain(email) {
  const { element, status } = form({
    name: "resend",
    fields: [],
    submit: "resend.again",
    look: "quiet",
    async send() {
      await post("resend_activation_email/", { email });
      status.show("success", say("p", "resend.done", {}, { ident: email }));
    },
  });
  return element;
}
