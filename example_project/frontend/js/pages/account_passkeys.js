// The setting for passkeys.

import { auth } from "../api.js";
import { el, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";
import { askForName, time } from "./account_names.js";

/** `act` and `changed` are what totpSetting() takes. */
export function passkeysSetting(act, changed) {
  const body = el("div", { class: "part" });
  const status = statusArea("passkeys-news");
  return {
    element: el("div", { class: "part" }, body, status.element),
    /** Show the passkeys in `factors`. */
    draw(factors) {
      const { passkeys } = factors;
      body.replaceChildren(
        passkeys.length
          ? el("ul", { class: "things", "data-testid": "passkeys" }, ...passkeys.map(row))
          : say("p", "account.passkeys_none"),
        auth.passkey.isSupported() ? add() : say("p", "errors.passkey_not_supported"),
      );
    },
  };

  function row(passkey) {
    const { id, name, created, last_used: lastUsed } = passkey;
    const used = lastUsed
      ? [say("span", "account.last_used"), " ", time(lastUsed)]
      : [say("span", "account.never_used")];
    return el(
      "li",
      { "data-testid": `passkey-${id}` },
      el(
        "div",
        {},
        el("p", { class: "name" }, name),
        el("p", { class: "hint" }, say("span", "account.created"), " ", time(created)),
        el("p", { class: "hint" }, ...used),
        !passkey.passwordless && say("p", "account.passkey_second_only", { class: "hint" }),
        passkey.backed_up && say("p", "account.passkey_backed_up", { class: "hint" }),
      ),
      el(
        "div",
        { class: "buttons" },
        one("rename", id, name, async () => {
          const typed = await askForName("account.passkey_rename", name);
          if (typed === null) return null;
          return () => auth.passkey.rename(id, { name: typed });
        }),
        one("remove", id, name, async () => {
          return () => auth.passkey.remove(id);
        }),
      ),
    );
  }

  /** A form of one button. `prepare` returns what to send, or null. */
  function one(verb, id, name, prepare) {
    const { element, status: own } = form({
      name: `passkey-${verb}-${id}`,
      fields: [],
      submit: `account.${verb}`,
      look: "quiet",
      async send() {
        const send = await prepare();
        if (send === null || !(await act(send))) return;
        await changed();
        status.show("success", say("p", `account.passkey_${verb}_done`, {}, { name }));
        status.element.focus();
      },
    });
    return element;
  }

  function add() {
    const name = field("passkey_name", {
      label: "account.passkey_name",
      hint: "account.passkey_name_hint",
      autocomplete: "off",
    });
    return form({
      name: "passkey-add",
      fields: [name],
      submit: "account.passkey_add",
      async send() {
        try {
          if (!(await act(() => auth.passkey.add(name.value())))) return;
        } catch (error) {
          // The field has another name on a page with several.
          if (error.fields?.name) error.fields = { passkey_name: error.fields.name };
          throw error;
        }
        await changed();
        status.show("success", say("p", "account.passkey_added"));
      },
    }).element;
  }
}
