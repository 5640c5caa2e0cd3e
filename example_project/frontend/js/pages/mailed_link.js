import { ApiError, post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";
import { takeLink } from "../link.js";
import { codeList, errorMessage } from "../messages.js";
import { areSupported, create } from "../passkeys.js";

const PROOF_REQUIRED = "activation_proof_required";

/**
 * A page that a mail links to. It posts the link to `endpoint` when a person clicks, and
 * never by itself: mail scanners open links too, and run scripts. `refusal`: the code of a
 * link that is no good. `next` and `instead` return [sentence key, path]: where to go on
 * after a success and after a refusal.
 */
export function mailedLink({ name, endpoint, refusal, next, instead }) {
  return {
    title: `${name}.title`,
    render() {
      const { ident, token } = takeLink();
      const status = statusArea();
      const way = el("div");

      async function use() {
        status.show("info", say("p", `${name}.working`));
        try {
          await send();
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          if (error.has(PROOF_REQUIRED)) askForPassword();
          else if (error.fields.credential?.includes("required")) askForPasskey();
          else refuse(error);
        }
      }

      async function send(proof = {}) {
        await post(endpoint, { ident, token, ...proof });
        // The token is used up; a reload need not know it any more.
        history.replaceState(null, "", location.pathname);
        status.show("success", say("p", `${name}.done`));
        way.replaceChildren(buttonLink(...next()));
      }

      function refuse(error) {
        status.show("error", errorMessage(error));
        way.replaceChildren(
          error.network ? button("app.try_again") : buttonLink(...instead()),
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
              if (!(error instanceof ApiError) || error.network) throw error;
              if (!error.has(PROOF_REQUIRED)) throw error;
              throw new ApiError({ fields: { password: ["invalid_credentials"] } });
            }
          },
        });
        status.show("info", say("p", `${name}.proof`));
        way.replaceChildren(element);
        password.input.focus();
      }

      // The account was registered without a password.
      function askForPasskey() {
        if (!areSupported()) {
          status.show("error", codeList(["passkey_not_supported"]));
          return;
        }
        const { element } = form({
          name: "passkey",
          fields: [],
          submit: "activation.passkey_submit",
          async send() {
            const link = { ident, token };
            const { publicKey } = await post(`${endpoint}passkey_options/`, link);
            await send({ credential: await create(publicKey) });
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

      if (ident && token) {
        status.show("info", say("p", `${name}.ask`));
        way.replaceChildren(button(`${name}.submit`));
      } else {
        status.show("error", codeList([refusal]));
        way.replaceChildren(buttonLink(...instead()));
      }
      const title = heading(`${name}.title`);
      return el("section", { class: "card" }, title, status.element, way);
    },
  };
}
