import { auth, refusal, Refusal } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";
import { codeList, errorMessage, isNetwork } from "../messages.js";

const PROOF_REQUIRED = "activation_proof_required";

/**
 * A page that a mail links to. It uses the link when a person clicks, and never by itself:
 * mail scanners open links too, and run scripts. `open()` returns what the client's link()
 * does; `invalid` is the code of a link that is no good. `next` and `instead` return
 * [sentence key, path]: where to go on after a success and after a refusal.
 */
export function mailedLink({ name, open, invalid, next, instead }) {
  return {
    title: `${name}.title`,
    async render() {
      const action = open();
      const status = statusArea();
      const way = el("div");

      async function use() {
        status.show("info", say("p", `${name}.working`));
        try {
          await send();
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          if (error.has(PROOF_REQUIRED)) askForPassword();
          else if (error.fields.credential?.includes("required")) askForPasskey();
          else refuse(error);
        }
      }

      async function send(proof) {
        finish(await action.submit(proof));
      }

      function finish(result, sentence = "done") {
        if (!result.ok) throw new Refusal(result);
        status.show("success", say("p", `${name}.${sentence}`));
        way.replaceChildren(buttonLink(...next()));
      }

      function refuse(error) {
        status.show("error", errorMessage(error));
        way.replaceChildren(
          isNetwork(error.result) ? button("app.try_again") : buttonLink(...instead()),
        );
      }

      // The backend asks for a proof beyond access to the mailbox.
      function askForPassword() {
        const password = field("password", {
          label: "field.password",
          type: "password",
          autocomplete: "current-password",
          sentences: { invalid_credentials: "confirm.wrong_password" },
        });
        const { element } = form({
          name: "proof",
          fields: [password],
          submit: `${name}.submit`,
          async send() {
            try {
              await send({ password: password.value() });
            } catch (error) {
              if (!(error instanceof Refusal) || !error.has(PROOF_REQUIRED)) throw error;
              throw refusal({ password: ["invalid_credentials"] });
            }
          },
        });
        status.show("info", say("p", `${name}.proof`));
        way.replaceChildren(element);
        password.input.focus();
      }

      // The account was registered without a password.
      function askForPasskey() {
        if (!auth.passkey.isSupported()) {
          status.show("error", codeList(["passkey_not_supported"]));
          return;
        }
        const { element } = form({
          name: "passkey",
          fields: [],
          submit: "activation.passkey_submit",
          async send() {
            finish(await auth.passkey.signUp(action.link));
          },
        });
        status.show("info", say("p", "activation.passkey"));
        way.replaceChildren(element);
        element.querySelector("button").focus();
      }

      function button(key) {
        const attributes = { type: "button", class: "button", onclick: use };
        return say("button", key, { ...attributes, "data-testid": "use-link" });
      }

      const found = await action.status();
      if (found === "used") finish({ ok: true }, "used");
      else if (found === "invalid") {
        status.show("error", codeList([invalid]));
        way.replaceChildren(buttonLink(...instead()));
      } else {
        status.show("info", say("p", `${name}.ask`));
        way.replaceChildren(button(`${name}.submit`));
      }
      const title = heading(`${name}.title`);
      return el("section", { class: "card" }, title, status.element, way);
    },
  };
}
