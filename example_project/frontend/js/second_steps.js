// The forms by which a user proves a second factor: at a login, and on the account page.

import { auth } from "./api.js";
import { say } from "./dom.js";
import { field, form } from "./form.js";

// The one that most people have comes first.
const ORDER = ["totp", "passkey", "recovery_code"];

/** Those of `methods`, as second_factor/ names them, that this browser can use, in order. */
export function usable(methods) {
  return ORDER.filter(
    (name) => methods.includes(name) && (name !== "passkey" || auth.passkey.isSupported()),
  );
}

/**
 * The form for `method`. `send.code(body)` sends the method and its code, `send.passkey()`
 * asks for a passkey. `fields`: further fields; the form's other options are form()'s.
 * Returns the elements, and the `code` field if there is one.
 */
export function stepForm(method, send, { fields = [], ...options } = {}) {
  const part = method === "passkey" ? passkeyForm : codeForm;
  const { element, code } = part(method, send, fields, options);
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

function codeForm(method, send, fields, options) {
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
    send: () => send.code({ method, code: code.value() }),
  });
  return { element, code };
}

function passkeyForm(method, send, fields, options) {
  const { element } = form({
    fields,
    ...options,
    submit: "second_step.passkey_submit",
    send: () => send.passkey(),
  });
  return { element };
}
