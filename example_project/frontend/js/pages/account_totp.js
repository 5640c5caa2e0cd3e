// The setting for an authenticator app.

import { auth } from "../api.js";
import { el, say, statusArea } from "../dom.js";
import { field, form } from "../form.js";

/**
 * `act` does what may need re-authentication. `changed(codes)` is called after a change,
 * with new recovery codes if there are some.
 */
export function totpSetting(act, changed) {
  const body = el("div", { class: "part" });
  const status = statusArea("totp-news");
  return {
    element: el("div", { class: "part" }, body, status.element),
    /** Show what `factors`, the answer of factors/, says. */
    draw(factors) {
      body.replaceChildren(factors.totp ? switchOff() : setUp());
    },
  };

  function setUp() {
    return form({
      name: "totp",
      fields: [],
      submit: "account.totp_set_up",
      async send() {
        const answer = await act(() => auth.factors.enrolTotp());
        if (answer) enrol(answer);
      },
    }).element;
  }

  function enrol({ secret, uri, svg }) {
    const code = field("totp_code", {
      label: "field.code",
      inputmode: "numeric",
      autocomplete: "one-time-code",
    });
    const { element } = form({
      name: "totp",
      fields: [code],
      submit: "account.totp_submit",
      cancel: () => body.replaceChildren(setUp()),
      async send() {
        let answer;
        try {
          answer = await act(() => auth.factors.confirmTotp({ code: code.value() }));
        } catch (error) {
          // The field has another name on a page with several.
          if (error.fields?.code) error.fields = { totp_code: error.fields.code };
          throw error;
        }
        if (!answer) return;
        await changed(answer.recovery_codes);
        status.show("success", say("p", "account.totp_done"));
      },
    });
    body.replaceChildren(
      say("p", "account.totp_scan"),
      el("img", {
        class: "qr",
        alt: "",
        width: "200",
        height: "200",
        src: `data:image/svg+xml,${encodeURIComponent(svg)}`,
        "data-testid": "totp-qr",
      }),
      el(
        "details",
        {},
        say("summary", "account.totp_cannot_scan"),
        say("p", "account.totp_type"),
        el("p", { class: "secret", "data-testid": "totp-secret" }, secret),
        el("p", {}, say("a", "account.totp_open", { href: uri })),
      ),
      element,
    );
    code.input.focus();
  }

  function switchOff() {
    return form({
      name: "totp",
      fields: [],
      submit: "account.totp_remove",
      look: "quiet",
      async send() {
        if (!(await act(() => auth.factors.removeTotp()))) return;
        await changed();
        status.show("success", say("p", "account.totp_removed"));
      },
    }).element;
  }
}
