// Re-authentication. Only the backend knows how old the last one is. So the client sends the
// request without the password, and asks here only if the backend does.

import { auth, done, Refusal } from "./api.js";
import { ask } from "./dialog.js";
import { el, say } from "./dom.js";
import { field, form } from "./form.js";
import { otherSteps, stepForm, usable } from "./second_steps.js";
import { displayName } from "./session.js";

let isCancelled = false;

/**
 * What the client calls when a request needs re-authentication: return what to send in its
 * body, or null if the user cancels.
 */
export async function reauthenticate({ code }) {
  const proof =
    code === "second_factor_required"
      ? await confirmByFactor()
      : await confirm(code === "reauthentication_required");
  isCancelled = proof === null;
  return proof;
}

/**
 * The data of a call that may need re-authentication, or null if the user cancels that.
 * Throws a Refusal for the rest.
 */
export async function proven(call) {
  isCancelled = false;
  try {
    return await done(call());
  } catch (error) {
    if (error instanceof Refusal && isCancelled) return null;
    throw error;
  }
}

/**
 * Confirm the session. Return {"password"}, {} after a passkey, null after a cancel. The
 * session is fresh then. The backend still needs the password to end other sessions, because
 * it hashes the password anew: then no passkey serves.
 */
async function confirm(mayBePasskey) {
  const byPasskey =
    mayBePasskey &&
    auth.passkey.isSupported() &&
    (await done(auth.factors.list())).passkeys.length;
  return ask("confirm.title", (close) => {
    const password = field("password", {
      label: "field.password",
      type: "password",
      autocomplete: "current-password",
      autofocus: true,
      sentences: { invalid_credentials: "confirm.wrong_password" },
    });
    const { element } = form({
      name: "confirm",
      fields: [password],
      submit: "confirm.submit",
      cancel: () => close(null),
      async send() {
        await done(auth.confirmPassword({ password: password.value() }));
        close({ password: password.value() });
      },
    });
    element.prepend(accountName());
    const send = {
      async passkey() {
        await done(auth.passkey.confirm());
        close({});
      },
    };
    const { elements } = stepForm("passkey", send, { name: "passkey", look: "quiet" });
    return [
      say("p", "confirm.intro", { class: "lead" }),
      element,
      ...(byPasskey ? elements : []),
    ];
  });
}

/** Prove a second factor. Return {} or, after a cancel, null. */
async function confirmByFactor() {
  const factors = await done(auth.factors.list());
  const methods = usable([
    factors.totp && "totp",
    factors.passkeys.length && "passkey",
    factors.recovery_codes_left && "recovery_code",
  ]);
  return ask("confirm.factor_title", (close) => {
    const area = el("div", { class: "part" });
    const send = {
      async code(proof) {
        await done(auth.confirmPassword(proof));
        close({});
      },
      async passkey() {
        await done(auth.passkey.confirm());
        close({});
      },
    };
    function show(method) {
      const others = methods.filter((other) => other !== method);
      const cancel = () => close(null);
      const { elements } = stepForm(method, send, {
        name: "factor",
        submit: "confirm.submit",
        cancel,
      });
      area.replaceChildren(...elements, ...otherSteps(others, show));
      area.querySelector("input, button").focus();
    }
    show(methods[0]);
    return [area];
  });
}

/** A field for password managers alone, which tells them whose password it is. */
export function accountName() {
  const input = el("input", { autocomplete: "username", hidden: true, readonly: true });
  input.value = displayName();
  return input;
}
