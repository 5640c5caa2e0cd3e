// The forms by which a user proves a second factor: at a login, and on the account page.

import { post } from "./api.js";
import { say } from "./dom.js";
import { field, form } from "./form.js";
import { areSupported, use } from "./passkeys.js";

// The one that most people have comes first.
const ORDER = ["totp", "passkey", "recovery_code"];

/** Those of `methods`, as second_factor/ names them, that this browser can use, in order. */
export function usable(methods) {
  return ORDER.filter(
    (name) => methods.includes(name) && (name !== "passkey" || areSupported()),
  );
}

/**
 * The form for `method`. `finish(proof)` sends {"method"} with "code" or "credential".
 * `fields`: further fields; the form's other options are form()'s. Returns the elements, and
 * the `code` field if there is one.
 */
export function stepForm(method, finish, { fields = [], ...options } = {}) {
  const part = method === "passkey" ? passkeyForm : codeForm;
  const { element, code } = part(method, finish, fields, options);
  return {
    elements: [say("p", `second_step.${method}_text`, { class: "lead" }), element],
    code,
  };
}

/** Buttons that call `choose(method)` for each of `methods`. */
export function otherSteps(methods, choose) {
  return methods.map((method) =>
    say("button", `second_step.${method}_instead`, {
      type: "button",
      class: "link",
      "data-testid": `use-${method}`,
      onclick: () => choose(method),
    }),
  );
}

function codeForm(method, finish, fields, options) {
  const code = field("code", {
    label: "field.code",
    autofocus: true,
    ...(method === "totp"
      ? { inputmode: "numeric", autocomplete: "one-time-code" }
      : { autocomplete: "off" }),
  });
  const { element } = form({
    fields: [code, ...fields],
    submit: "second_step.submit",
    ...options,
    send: () => finish({ method, code: code.value() }),
  });
  return { element, code };
}

function passkeyForm(method, finish, fields, options) {
  const { element } = form({
    fields,
    ...options,
    submit: "second_step.passkey_submit",
    async send() {
      const { publicKey } = await post("second_factor/passkey_options/", {});
      await finish({ method, credential: await use(publicKey) });
    },
  });
  return { element };
}
