// Forms: labelled fields, errors beside them, one summary.

import { auth, Refusal } from "./api.js";
import { el, say, statusArea } from "./dom.js";
import { codeList, errorMessage } from "./messages.js";

const LIVE_CHECK_DELAY = 300;
const MARKED = "marked";
// The sentence of the red box above all marked fields.
const CHECK = "form.check";

let mouseIsDown = false;
document.addEventListener("mousedown", () => (mouseIsDown = true), true);
document.addEventListener("mouseup", () => (mouseIsDown = false), true);

/** Call `action` when the user leaves `input` for something else on the page. */
function onLeave(input, action) {
  input.addEventListener("blur", () => {
    // The window lost the focus, not the field.
    if (document.activeElement === input) return;
    // A sentence moves what is below it. A click must still meet what the user aims at.
    if (!mouseIsDown) action();
    else document.addEventListener("mouseup", () => setTimeout(action), { once: true });
  });
}

/** A function that shows the sentences of codes in `errors`, and marks `input`. */
function marker(input, errors, sentences) {
  return (codes, params) => {
    errors.replaceChildren(...(codes.length ? [codeList(codes, sentences, params)] : []));
    if (codes.length) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    // The form wants to know.
    input.dispatchEvent(new CustomEvent(MARKED, { bubbles: true }));
  };
}

function isMarked({ input }) {
  return input.hasAttribute("aria-invalid");
}

/** Whether the browser and Django both take it for an e-mail address. */
function looksLikeAddress(input) {
  return !input.validity.typeMismatch && /@(.+\..+|localhost)$/i.test(input.value);
}

/**
 * A text field. Its id is `name`; `label` and `hint` are sentence keys, `sentences` what
 * codeList() takes. `live` announces its errors while the user types. `problem()` returns
 * the code of what the page finds wrong with the value by itself, or undefined; the page
 * asks when the user leaves the field.
 */
export function field(
  name,
  {
    label,
    type = "text",
    autocomplete,
    inputmode,
    hint,
    hintParams,
    optional = false,
    live = false,
    autofocus = false,
    value = "",
    sentences,
    problem,
  },
) {
  const input = el("input", {
    id: name,
    name,
    type,
    autocomplete,
    inputmode,
    autofocus,
    required: !optional,
    autocapitalize: "none",
    spellcheck: "false",
    "aria-describedby": hint ? `${name}-hint ${name}-errors` : `${name}-errors`,
  });
  input.value = value;
  if (type === "email") problem = () => (looksLikeAddress(input) ? undefined : "invalid");
  const errors = el("div", {
    class: "errors",
    id: `${name}-errors`,
    "data-testid": `errors-${name}`,
    "aria-live": live || problem ? "polite" : null,
  });
  const control =
    type === "password" ? el("div", { class: "control" }, input, toggle(input)) : input;
  const element = el(
    "div",
    { class: "field" },
    el(
      "div",
      { class: "label" },
      say("label", label, { for: name }),
      optional && say("span", "field.optional", { class: "optional" }),
    ),
    hint && say("p", hint, { class: "hint", id: `${name}-hint` }, hintParams),
    control,
    errors,
  );
  const show = marker(input, errors, sentences);
  /** The codes of what the page finds by itself. */
  function problems() {
    if (input.value === "") return optional ? [] : ["blank"];
    return [problem?.()].filter(Boolean);
  }
  /** Show what is wrong with what the user typed; nothing yet is no fault. */
  function inspect() {
    if (input.value !== "" && problem?.()) show(problems());
  }
  onLeave(input, inspect);
  // What was said about another value. A live field gets its next answer soon, and would
  // flicker.
  if (!live) input.addEventListener("input", () => show([]));
  return {
    name,
    element,
    input,
    value: () => input.value,
    problems,
    inspect,
    /** Put another value into the field, without praise or errors. */
    fill(other) {
      input.value = other;
      show([]);
    },
    /** Empty the field. */
    clear() {
      this.fill("");
    },
    /** Show the sentences of `codes`, with their `params` by code; none clears them. */
    show,
    /** Show a sentence of praise in the place of the errors. */
    praise(key) {
      show([]);
      errors.append(say("p", key, { class: "praise" }));
    },
  };
}

function toggle(input) {
  return say("button", "field.show_password", {
    type: "button",
    class: "toggle",
    "aria-pressed": "false",
    "aria-controls": input.id,
    "data-i18n-aria-label": "field.show_password_label",
    "data-testid": `toggle-${input.id}`,
    onclick(event) {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      event.currentTarget.setAttribute("aria-pressed", String(!shown));
    },
  });
}

/** A box to tick; `label` and `hint` are sentence keys. */
export function checkbox(name, { label, hint }) {
  const input = el("input", {
    id: name,
    name,
    type: "checkbox",
    "aria-describedby": `${name}-hint ${name}-errors`,
  });
  const errors = el("div", { class: "errors", id: `${name}-errors` });
  const show = marker(input, errors);
  input.addEventListener("input", () => show([]));
  return {
    name,
    element: el(
      "div",
      { class: "field" },
      el("div", { class: "tick" }, input, say("label", label, { for: name })),
      say("p", hint, { class: "hint", id: `${name}-hint` }),
      errors,
    ),
    input,
    value: () => input.checked,
    problems: () => [],
    show,
  };
}

/**
 * A new password and its repetition: the two fields, and the check that they are the
 * same. `name` is the first one's, `label` its sentence key.
 */
export function newPasswordFields(name, label) {
  const password = field(name, {
    label,
    type: "password",
    autocomplete: "new-password",
    live: true,
  });
  const password2 = field("password2", {
    label: "field.password2",
    type: "password",
    autocomplete: "new-password",
    problem: () =>
      password.value() === password2.value() ? undefined : "passwords_not_identical",
  });
  onLeave(password.input, password2.inspect);
  password.input.addEventListener("input", () => {
    // The first one may have been the wrong one.
    if (!password2.problems().length) password2.show([]);
  });
  const check = () => {
    const codes = password2.problems();
    return codes.length ? { password2: codes } : {};
  };
  return { password, password2, check };
}

/**
 * A form of `fields`. `send()` does the request and what follows it; a Refusal that it
 * throws is shown. `check()` returns codes by field, {} for none, of what the backend cannot
 * find: with one of these the form is not sent. The backend finds the rest, and more than the
 * page could: names that are taken.
 * `name`: on a page with several. `look`: "danger" or "quiet". `cancel`: what a second
 * button does, which is there if this is.
 */
export function form({
  name,
  fields,
  submit,
  send,
  check = () => ({}),
  look = "",
  cancel,
}) {
  const testId = (part) => (name ? `${name}-${part}` : part);
  const status = statusArea(testId("status"));
  const button = say("button", submit, {
    class: `button ${look}`.trim(),
    "data-testid": testId("submit"),
  });
  const buttons = cancel
    ? el(
        "div",
        { class: "buttons" },
        button,
        say("button", "form.cancel", {
          type: "button",
          class: "button quiet",
          "data-testid": testId("cancel"),
          onclick: cancel,
        }),
      )
    : button;
  let busy = false;

  function mark(errors, params = {}) {
    for (const { name, show } of fields) if (errors[name]) show(errors[name], params[name]);
    const marked = fields.some(({ name }) => errors[name]);
    if (marked) {
      status.show("error", say("p", CHECK));
      fields.find((item) => errors[item.name] || isMarked(item)).input.focus();
    }
    return marked;
  }

  /** Take "check the marked fields" away once none is marked. */
  function onmarked() {
    const asked = status.element.querySelector(`[data-i18n="${CHECK}"]`);
    if (asked && !fields.some(isMarked)) status.clear();
  }

  async function onsubmit(event) {
    event.preventDefault();
    if (busy) return;
    status.clear();
    const obstacles = check();
    if (Object.keys(obstacles).length) {
      // The backend is not asked, so the page shows every error that it finds itself.
      mark({ ...ownFindings(fields), ...obstacles });
      return;
    }
    for (const { show } of fields) show([]);
    busy = true;
    // Not `disabled`, which would drop the focus.
    button.setAttribute("aria-disabled", "true");
    status.show("info", say("p", "form.sending"));
    try {
      await send();
      // A page may have put something else in the status area.
      if (status.element.dataset.kind === "info") status.clear();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const marked = mark(error.fields, error.result.params);
      const shown = fields.map(({ name }) => name);
      const strays = Object.entries(error.fields).filter(([name]) => !shown.includes(name));
      if (!marked || error.codes.length || strays.length) {
        const { codes, result } = error;
        status.show("error", errorMessage({ codes, result, fields: Object.fromEntries(strays) }));
        if (!marked) status.element.focus();
      }
    } finally {
      busy = false;
      button.removeAttribute("aria-disabled");
    }
  }

  // novalidate: the example shows the backend's codes. method: should the script be
  // missing, nothing may end up in an address.
  const element = el(
    "form",
    { method: "post", novalidate: true, onsubmit, onmarked },
    ...fields.map((item) => item.element),
    buttons,
    status.element,
  );
  return { element, status };
}

function ownFindings(fields) {
  const found = fields.map(({ name, problems }) => [name, problems()]);
  return Object.fromEntries(found.filter(([, codes]) => codes.length));
}

/**
 * Check a new password while the user types it. `body()` is what validate_password/
 * gets; `others` are fields whose change asks again. Answers arrive in any order: only
 * the one to the latest question counts.
 */
export function checkWhileTyping(password, body, others = []) {
  let timer;
  let controller = new AbortController();

  async function ask(signal) {
    const result = await auth.validatePassword(body(), { signal });
    if (signal.aborted) return;
    if (result.ok) password.praise("field.password_good");
    // The other errors are shown when the form is sent.
    else password.show(result.errors.password ?? [], result.params.password);
  }

  function schedule() {
    clearTimeout(timer);
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    if (password.value() === "") password.show([]);
    else timer = setTimeout(() => ask(signal), LIVE_CHECK_DELAY);
  }

  for (const { input } of [password, ...others]) input.addEventListener("input", schedule);
  return {
    /** Drop a question that is still open: the form itself is being sent. */
    stop() {
      clearTimeout(timer);
      controller.abort();
    },
    /** Ask again, after an answer to the form that said nothing of the password. */
    resume: schedule,
  };
}
