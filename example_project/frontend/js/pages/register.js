import { auth, done } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { checkWhileTyping, field, form, newPasswordFields } from "../form.js";
import { currentUser } from "../session.js";

/** Create an account; the password is checked while the user types it. */
export const register = {
  title: "register.title",
  async render({ navigate, state }) {
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
    // The passkey is made by the link in the mail, when the address is proven.
    const byPasskey = Boolean(state?.passkey) && auth.passkey.isSupported();
    const names = () => ({ username: username.value(), email: email.value() });
    const secret = byPasskey ? null : newPassword(names, [email, username]);
    const card = el("section", { class: "card" });
    const { element } = form({
      fields: [email, username, ...(secret?.fields ?? [])],
      submit: "register.submit",
      check: secret?.check,
      async send() {
        const send = (password) => done(auth.register({ ...names(), ...password }));
        await (secret ? secret.send(send) : send());
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
    const parts = [
      heading("register.title"),
      say("p", byPasskey ? "register.passkey_intro" : "register.intro", { class: "lead" }),
      element,
      auth.passkey.isSupported() && otherWay(byPasskey, navigate),
      el(
        "p",
        { class: "aside" },
        say("span", "register.have_account"),
        " ",
        say("a", "register.login", { href: "/auth/login" }),
      ),
    ];
    card.append(...parts.filter(Boolean));
    return card;
  },
};

/** The fields of a new password, which is checked while the user types it. */
function newPassword(names, others) {
  const { password, password2, check } = newPasswordFields("password", "field.password");
  const body = () => ({ ...names(), password: password.value() });
  const checking = checkWhileTyping(password, body, others);
  return {
    fields: [password, password2],
    check,
    /** Call `register` with {"password"}. */
    async send(register) {
      checking.stop();
      try {
        await register({ password: password.value() });
      } catch (error) {
        if (!error.fields?.password) checking.resume();
        throw error;
      }
    },
  };
}

function otherWay(byPasskey, navigate) {
  const [key, name] = byPasskey
    ? ["register.by_password", "by-password"]
    : ["register.by_passkey", "by-passkey"];
  return el(
    "p",
    { class: "aside" },
    say("button", key, {
      type: "button",
      class: "link",
      "data-testid": name,
      onclick: () =>
        navigate("/auth/register", { replace: true, state: { passkey: !byPasskey } }),
    }),
  );
}

function sendAgain(email) {
  const { element, status } = form({
    name: "resend",
    fields: [],
    submit: "resend.again",
    look: "quiet",
    async send() {
      await done(auth.resendActivationEmail({ email }));
      status.show("success", say("p", "resend.done", {}, { ident: email }));
    },
  });
  return element;
}
