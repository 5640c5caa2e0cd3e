// The setting for recovery codes, which are shown once.

import { auth } from "../api.js";
import { el, say, statusArea } from "../dom.js";
import { form } from "../form.js";
import { t } from "../i18n.js";

const FILE = "recovery-codes.txt";

/** `act` and `changed` are what totpSetting() takes. */
export function recoveryCodesSetting(act, changed) {
  const body = el("div", { class: "part" });
  const status = statusArea("codes-news");
  return {
    element: el("div", { class: "part" }, body, status.element),
    /** Show how many `factors` has left, and the new `codes` if there are some. */
    draw(factors, codes) {
      status.clear();
      body.replaceChildren(...(codes ? [list(codes)] : []), ...rest(factors));
      if (codes) body.querySelector("ul").focus();
    },
  };

  function rest(factors) {
    const left = factors.recovery_codes_left;
    const count = { count: left };
    const shown = say("p", "account.codes_left", { "data-testid": "codes-left" }, count);
    // They are the second way to prove what another factor proves.
    return factors.totp || factors.passkeys.length ? [shown, makeNew()] : [shown];
  }

  function makeNew() {
    return form({
      name: "codes",
      fields: [],
      submit: "account.codes_new",
      look: "quiet",
      async send() {
        const answer = await act(() => auth.factors.renewRecoveryCodes());
        if (answer) await changed(answer.recovery_codes);
      },
    }).element;
  }

  function list(codes) {
    const text = `${codes.join("\n")}\n`;
    const button = (key, name, onclick) =>
      say("button", key, {
        type: "button",
        class: "button quiet",
        "data-testid": `codes-${name}`,
        onclick,
      });
    return el(
      "div",
      { class: "part new-codes" },
      say("p", "account.codes_once"),
      el(
        "ul",
        { class: "secret", tabindex: "-1", "data-testid": "codes-list" },
        ...codes.map((code) => el("li", {}, code)),
      ),
      el(
        "div",
        { class: "buttons" },
        button("account.codes_copy", "copy", async () => {
          try {
            await navigator.clipboard.writeText(text);
            status.show("success", say("p", "account.codes_copied"));
          } catch {
            // The person, or the browser, does not let the page write there.
            status.show("error", say("p", "account.codes_not_copied"));
          }
        }),
        button("account.codes_download", "download", () => download(text)),
        button("account.codes_print", "print", () => window.print()),
      ),
    );
  }
}

function download(text) {
  const lines = `${t("account.codes_title")} · ${location.host}\n\n${text}`;
  const href = URL.createObjectURL(new Blob([lines], { type: "text/plain" }));
  el("a", { href, download: FILE }).click();
  URL.revokeObjectURL(href);
}
