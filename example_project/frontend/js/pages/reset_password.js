import { ApiError, post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { checkWhileTyping, form, newPasswordFields } from "../form.js";
import { takeLink } from "../link.js";
import { codeList } from "../messages.js";

/** The page that the mails about passwords link to. */
export const resetPassword = {
  title: "reset.title",
  render() {
    const { ident, token } = takeLink();
    const card = el("section", { class: "card" });
    if (!ident || !token) {
      refuse(card);
      return card;
    }
    const { password, password2, check } = newPasswordFields("password", "field.new_password");
    const body = () => ({ ident, token, password: password.value() });
    const checking = checkWhileTyping(password, body);
    const { element } = form({
      fields: [password, password2],
      submit: "reset.submit",
      check,
      async send() {
        checking.stop();
        try {
          await post("reset_password/", body());
        } catch (error) {
          const dead = error instanceof ApiError && error.has("reset_password_link_invalid");
          if (!dead) throw error;
          refuse(card).focus();
          return;
        }
        // The token is used up; a reload need not know it any more.
        history.replaceState(null, "", location.pathname);
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
