// Re-authentication. Only the backend knows how old the last one is. So the page sends the
// request without the password, and asks for it only if the backend does.

import { ApiError, post } from "./api.js";
import { ask } from "./dialog.js";
import { el, say } from "./dom.js";
import { field, form } from "./form.js";
import { displayName } from "./session.js";

/**
 * Call `send(proof)`, which sends the content of `proof` in its body. If the backend asks
 * for re-authentication, ask the user for the password and call it again. Returns false if
 * the user cancels. Throws the other errors of `send`. `status` is the form's.
 */
export async function proven(send, status) {
  try {
    await send({});
    return true;
  } catch (error) {
    if (!asksForProof(error)) throw error;
  }
  status.clear();
  const password = await confirmPassword();
  if (password === null) return false;
  status.show("info", say("p", "form.sending"));
  // The session is fresh now. The backend still needs the password to end other sessions,
  // because it hashes the password anew.
  await send({ password });
  return true;
}

function asksForProof(error) {
  if (!(error instanceof ApiError)) return false;
  const missing = error.fields.password?.includes("required") ?? false;
  return missing || error.has("reauthentication_required");
}

/** Confirm the session. Return the password, or null if the user cancels. */
function confirmPassword() {
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
        close(password.value());
      },
    });
    element.prepend(accountName());
    return [say("p", "confirm.intro", { class: "lead" }), element];
  });
}

/** A field for password managers alone, which tells them whose password it is. */
export function accountName() {
  const input = el("input", { autocomplete: "username", hidden: true, readonly: true });
  input.value = displayName();
  return input;
}
