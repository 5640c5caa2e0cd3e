// Re-authentication. Only the backend knows how old the last one is. So the page sends the
// request without the password, and asks for it only if the backend does.

import { ApiError, get, post } from "./api.js";
import { ask } from "./dialog.js";
import { el, say } from "./dom.js";
import { field, form } from "./form.js";
import { areSupported } from "./passkeys.js";
import { otherSteps, stepForm, usable } from "./second_steps.js";
import { displayName } from "./session.js";

// A passkey, the password and a second factor.
const MOST_QUESTIONS = 3;

/**
 * Call `send(proof)`, which sends the content of `proof` in its body. If the backend asks
 * for re-authentication, ask the user for it and call it again. Returns false if the user
 * cancels. Throws the other errors of `send`. `status` is the form's.
 */
export async function proven(send, status) {
  const asked = [];
  let proof = {};
  while (proof !== null) {
    try {
      await send(proof);
      return true;
    } catch (error) {
      const question = questionOf(error);
      if (!question || asked.length === MOST_QUESTIONS) throw error;
      status.clear();
      proof = await question(proof, asked.includes(question));
      asked.push(question);
    }
    if (proof !== null) status.show("info", say("p", "form.sending"));
  }
  return false;
}

/** What to ask the user after `error`, or null. */
function questionOf(error) {
  if (!(error instanceof ApiError)) return null;
  if (error.has("second_factor_required")) return confirmByFactor;
  const missing = error.fields.password?.includes("required") ?? false;
  return missing || error.has("reauthentication_required") ? confirm : null;
}

/**
 * Confirm the session. Return {"password"}, {} after a passkey, null after a cancel. The
 * session is fresh then. The backend still needs the password to end other sessions, because
 * it hashes the password anew. So the next request has it as well.
 */
async function confirm(before, again) {
  // What is asked again after a passkey needs the password.
  const byPasskey = !again && areSupported() && (await get("factors/")).passkeys.length;
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
        await post("confirm_password/", { password: password.value() });
        close({ password: password.value() });
      },
    });
    element.prepend(accountName());
    const { elements } = stepForm("passkey", finish, { name: "passkey", look: "quiet" });

    async function finish(proof) {
      await post("confirm_password/", proof);
      close({});
    }

    return [
      say("p", "confirm.intro", { class: "lead" }),
      element,
      ...(byPasskey ? elements : []),
    ];
  });
}

/** Prove a second factor. Return what was proven `before`, or null after a cancel. */
async function confirmByFactor(before) {
  const { totp, passkeys, recovery_codes_left: codes } = await get("factors/");
  const methods = usable([
    totp && "totp",
    passkeys.length && "passkey",
    codes && "recovery_code",
  ]);
  return ask("confirm.factor_title", (close) => {
    const area = el("div", { class: "part" });
    async function finish(proof) {
      await post("confirm_password/", proof);
      close(before);
    }
    function show(method) {
      const others = methods.filter((other) => other !== method);
      const cancel = () => close(null);
      const { elements } = stepForm(method, finish, {
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
