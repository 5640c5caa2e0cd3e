// The setting that lists where the user is logged in.

import { auth, done } from "../api.js";
import { el, say, statusArea } from "../dom.js";
import { form } from "../form.js";
import { apply } from "../i18n.js";
import { askForName, time } from "./account_names.js";

/** `act` does what may need re-authentication. `leave` is for the session that ends itself. */
export function sessionsSetting(act, leave) {
  const body = el("div", { class: "part" });
  const status = statusArea("sessions-news");
  return { element: el("div", { class: "part" }, body, status.element), draw };

  async function draw() {
    const sessions = await done(auth.sessions.list());
    body.replaceChildren(
      el("ul", { class: "things", "data-testid": "sessions" }, ...sessions.map(row)),
      ...(sessions.length > 1 ? [endOthers()] : []),
    );
    apply(body);
  }

  function row(session) {
    const { id, current, name, created, last_seen: seen, ip_address: address } = session;
    const { browser, system } = session.device;
    const device = [browser, system].filter(Boolean).join(" · ");
    return el(
      "li",
      { "data-testid": current ? "session-current" : "session-other" },
      el(
        "div",
        {},
        name || device
          ? el("p", { class: "name" }, name || device)
          : say("p", "account.session_unknown", { class: "name" }),
        name && device ? el("p", { class: "hint" }, device) : null,
        current && say("p", "account.session_current", { class: "hint" }),
        el("p", { class: "hint" }, say("span", "account.created"), " ", time(created)),
        el("p", { class: "hint" }, say("span", "account.last_used"), " ", time(seen)),
        address && el("p", { class: "hint" }, address),
      ),
      el("div", { class: "buttons" }, rename(id, name), end(id, current)),
    );
  }

  function rename(id, name) {
    return form({
      name: `session-rename-${id}`,
      fields: [],
      submit: "account.rename",
      look: "quiet",
      async send() {
        const typed = await askForName("account.session_rename", name ?? "");
        if (typed === null) return;
        if (!(await act(() => auth.sessions.rename(id, { name: typed })))) return;
        await draw();
        status.show("success", say("p", "account.session_rename_done"));
      },
    }).element;
  }

  function end(id, current) {
    const { element } = form({
      name: `session-end-${id}`,
      fields: [],
      submit: "account.session_end",
      look: "quiet",
      async send() {
        if (!(await act(() => auth.sessions.end(id)))) return;
        if (current) {
          await leave({ notice: "login.logged_out" });
          return;
        }
        await draw();
        status.show("success", say("p", "account.session_end_done"));
        status.element.focus();
      },
    });
    return element;
  }

  function endOthers() {
    return form({
      name: "sessions-end",
      fields: [],
      submit: "account.sessions_end",
      async send() {
        if (!(await act(() => auth.sessions.endOthers()))) return;
        await draw();
        status.show("success", say("p", "account.sessions_end_done"));
      },
    }).element;
  }
}
