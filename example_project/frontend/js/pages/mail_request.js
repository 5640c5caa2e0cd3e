import { auth, done } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";

/** Ask for a link to a new password. */
export const forgotPassword = mailRequest("forgot", auth.sendPwResetEmail);

/** Ask for the mail of the registration once more. */
export const resendActivation = mailRequest("resend", auth.resendActivationEmail);

/** A page that asks for a mail. What it says is the same whether the account exists. */
function mailRequest(name, ask) {
  return {
    title: `${name}.title`,
    render() {
      const ident = field("ident", { label: "field.ident", autocomplete: "username" });
      const card = el("section", { class: "card" });
      const { element } = form({
        fields: [ident],
        submit: `${name}.submit`,
        async send() {
          await done(ask({ ident: ident.value() }));
          const status = statusArea();
          const title = heading(`${name}.done_title`);
          card.replaceChildren(
            title,
            status.element,
            buttonLink("register.outbox", "/outbox", { "data-testid": "to-outbox" }),
          );
          status.show("success", say("p", `${name}.done`, {}, { ident: ident.value() }));
          title.focus();
        },
      });
      card.append(
        heading(`${name}.title`),
        say("p", `${name}.intro`, { class: "lead" }),
        element,
        el("p", { class: "aside" }, say("a", "register.login", { href: "/auth/login" })),
      );
      return card;
    },
  };
}
