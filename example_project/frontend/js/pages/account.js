import { auth, done, Refusal } from "../api.js";
import { loginState } from "../destination.js";
import { ask } from "../dialog.js";
import { el, heading, say } from "../dom.js";
import { checkWhileTyping, field, form, newPasswordFields } from "../form.js";
import { apply } from "../i18n.js";
import { accountName, proven } from "../reauthentication.js";
import { currentUser, refreshOrLogIn } from "../session.js";
import { passkeysSetting } from "./account_passkeys.js";
import { recoveryCodesSetting } from "./account_recovery_codes.js";
import { sessionsSetting } from "./account_sessions.js";
import { totpSetting } from "./account_totp.js";

/** What people may change about their account. */
export const account = {
  title: "account.title",
  async render({ navigate }) {
    const user = await refreshOrLogIn(navigate);
    if (user === null) return null;

    /** As proven(), but a user who was logged out meanwhile is sent to the login. */
    async function act(call) {
      try {
        return await proven(call);
      } catch (error) {
        if (!(error instanceof Refusal) || !error.has("not_authenticated")) throw error;
        await leave(loginState("login.ended"));
        return null;
      }
    }

    async function leave(state) {
      await navigate("/auth/login", { state });
    }

    /** Show all factors anew: the last one takes the recovery codes with it. */
    async function drawFactors(codes) {
      const found = await done(auth.factors.list());
      for (const { draw, element } of factors) {
        draw(found, codes);
        apply(element);
      }
    }

    const totp = totpSetting(act, drawFactors);
    const recoveryCodes = recoveryCodesSetting(act, drawFactors);
    const passkeys = passkeysSetting(act, drawFactors);
    const sessions = sessionsSetting(act, leave);
    const factors = [totp, recoveryCodes, passkeys];
    await Promise.all([drawFactors(), sessions.draw()]);

    return el(
      "section",
      { class: "settings" },
      el(
        "div",
        { class: "settings-head" },
        heading("account.title"),
        say("p", "account.intro", { class: "lead" }),
      ),
      el(
        "div",
        { class: "settings-list" },
        // A user model may have none.
        user.username !== undefined && setting("username", usernameForm(act)),
        setting("email", emailForm(act), { email: user.email }),
        setting("password", passwordForm(act)),
        setting("totp", totp.element),
        setting("codes", recoveryCodes.element),
        setting("passkeys", passkeys.element),
        setting("sessions", sessions.element),
        setting("others", othersForm(act)),
        setting("delete", deletionForm(act, leave)),
      ),
    );
  },
};

function setting(name, content, params) {
  const id = `account-${name}`;
  return el(
    "section",
    { class: "setting", "aria-labelledby": id },
    el(
      "div",
      {},
      say("h2", `account.${name}_title`, { id }),
      say("p", `account.${name}_text`, { class: "lead" }, params),
    ),
    content,
  );
}

function usernameForm(act) {
  const username = field("username", {
    label: "field.username",
    autocomplete: "username",
    value: currentUser().username,
  });
  const { element, status } = form({
    name: "username",
    fields: [username],
    submit: "account.username_submit",
    async send() {
      if (!(await act(() => auth.updateMe({ username: username.value() })))) return;
      // The backend may store another form of it.
      username.input.value = currentUser().username;
      status.show("success", say("p", "account.username_done"));
    },
  });
  return element;
}

function emailForm(act) {
  const email = field("email", {
    label: "field.new_email",
    type: "email",
    autocomplete: "email",
  });
  const { element, status } = form({
    name: "email",
    fields: [email],
    submit: "account.email_submit",
    async send() {
      const address = email.value();
      if (!(await act(() => auth.changeEmail({ email: address })))) return;
      email.clear();
      status.show(
        "success",
        say("p", "account.email_done", {}, { email: address }),
        say("a", "register.outbox", { href: "/outbox" }),
      );
    },
  });
  return element;
}

function passwordForm(act) {
  const { password, password2, check } = newPasswordFields("new_password", "field.new_password");
  const checking = checkWhileTyping(password, () => {
    const { email, username = "" } = currentUser();
    return { email, username, password: password.value() };
  });
  const { element, status } = form({
    name: "password",
    fields: [password, password2],
    submit: "account.password_submit",
    check,
    async send() {
      checking.stop();
      const body = { new_password: password.value() };
      let changed;
      try {
        changed = await act(() => auth.changePassword(body));
      } catch (error) {
        if (!error.fields?.new_password) checking.resume();
        throw error;
      }
      if (!changed) return;
      password.clear();
      password2.clear();
      status.show("success", say("p", "account.password_done"));
    },
  });
  element.prepend(accountName());
  return element;
}

function othersForm(act) {
  const { element, status } = form({
    name: "others",
    fields: [],
    submit: "account.others_submit",
    async send() {
      if (!(await act(() => auth.logoutOthers()))) return;
      status.show("success", say("p", "account.others_done"));
    },
  });
  return element;
}

function deletionForm(act, leave) {
  const { element, status } = form({
    name: "delete",
    fields: [],
    submit: "account.delete_submit",
    look: "danger",
    async send() {
      status.clear();
      if (!(await isSure())) return;
      status.show("info", say("p", "form.sending"));
      if (!(await act(() => auth.deleteAccount()))) return;
      await leave({ notice: "login.deleted" });
    },
  });
  return element;
}

/** Ask whether to delete the account. The user has to type one of its names. */
function isSure() {
  const { username, email } = currentUser();
  // A user model may have no username.
  const names = [username, email].filter(Boolean);
  const typed = field("delete_name", {
    label: "account.delete_type",
    hint: "account.delete_type_hint",
    hintParams: { names: names.join(", ") },
    autocomplete: "off",
  });
  const isTyped = () =>
    names.some((name) => name.toLowerCase() === typed.value().trim().toLowerCase());

  return ask("account.delete_question", (close) => {
    const sure = say("button", "account.delete_sure", {
      class: "button danger",
      disabled: true,
      "data-testid": "delete-sure",
    });
    const keep = say("button", "account.delete_keep", {
      type: "button",
      class: "button quiet",
      // The answer that destroys nothing has the focus.
      autofocus: true,
      "data-testid": "delete-keep",
      onclick: () => close(false),
    });
    typed.input.addEventListener("input", () => (sure.disabled = !isTyped()));
    function onsubmit(event) {
      event.preventDefault();
      close(true);
    }
    return [
      say("p", "account.delete_warning", { class: "lead" }),
      el(
        "form",
        // The Enter key does nothing either as long as the button does nothing.
        { method: "post", novalidate: true, onsubmit },
        typed.element,
        el("div", { class: "buttons" }, sure, keep),
      ),
    ];
  });
}
