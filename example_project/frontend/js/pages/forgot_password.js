import { post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";

/** Ask for a mail with a link. The answer is the same whether the account exists. */
export const forgotPassword = {
  title: "forgot.title",
  render() {
    const ident = field("ident", { label: "field.ident", autocomplete: "username" });
    const card = el("section", { class: "card" });
    const { element } = form({
      fields: [ident],
      submit: "forgot.submit",
      async send() {
        await post("send_pw_reset_email/", { ident: ident.value() });
        const status = statusArea();
        const title = heading("forgot.done_title");
        card.replaceChildren(
          title,
          status.element,
          buttonLink("register.outbox", "/outbox", { "data-testid": "to-outbox" }),
        );
        status.show("success", say("p", "forgot.done", {}, { ident: ident.value() }));
        title.focus();
      },
    });
    card.append(
      heading("forgot.title"),
      say("p", "forgot.intro", { class: "lead" }),
      element,
      el("p", { class: "aside" }, say("a", "register.login", { href: "/auth/login" })),
    );
    return card;
  },
};
