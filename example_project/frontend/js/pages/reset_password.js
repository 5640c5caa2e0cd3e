import { auth, Refusal } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { checkWhileTyping, form, newPasswordFields } from "../form.js";
import { codeList } from "../messages.js";

/** The page that the mails about passwords link to. */
export const resetPassword = {
  title: "reset.title",
  async render() {
    const { link, status, submit } = auth.link("reset_password");
    const card = el("section", { class: "card" });
    // Before a new password is typed for nothing. Without an answer the form finds out.
    if ((await status()) === "invalid") {
      refuse(card);
      return card;
    }
    const { password, password2, check } = newPasswordFields("password", "field.new_password");
    const body = () => ({ ...link, password: password.value() });
    const checking = checkWhileTyping(password, body);
    const { element } = form({
      fields: [password, password2],
      submit: "reset.submit",
      check,
      async send() {
        checking.stop();
        const result = await submit({ password: password.value() });
        if (result.error === "reset_password_link_invalid") {
          refuse(card).focus();
          return;
        }
        if (!result.ok) throw new Refusal(result);
        finish(card, "success", say("p", "reset.done"), ["reset.login", "/auth/login"]).focus();
      },
    });
    card.append(heading("reset.title"), element);
    return card;
  },
};

function refuse(card) {
  const message = codeList(["reset_password_link_invalid"]);
  return finish(card, "error", message, ["reset.again", "/auth/forgot_password"]);
}

function finish(card, kind, message, [key, href]) {
  const status = statusArea();
  const title = heading("reset.title");
  card.replaceChildren(title, status.element, buttonLink(key, href));
  status.show(kind, message);
  return title;
}
