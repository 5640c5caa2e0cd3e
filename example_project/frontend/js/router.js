// Which page belongs to an address, and how to get from one to the next.

import { Refusal } from "./api.js";
import { el, heading, say } from "./dom.js";
import { apply, t } from "./i18n.js";
import { errorMessage } from "./messages.js";
import { account } from "./pages/account.js";
import { activation } from "./pages/activation.js";
import { confirmEmail } from "./pages/confirm_email.js";
import { home } from "./pages/home.js";
import { login } from "./pages/login.js";
import { forgotPassword, resendActivation } from "./pages/mail_request.js";
import { notFound } from "./pages/not_found.js";
import { notMe } from "./pages/not_me.js";
import { outbox } from "./pages/outbox.js";
import { profile } from "./pages/profile.js";
import { register } from "./pages/register.js";
import { resetPassword } from "./pages/reset_password.js";
import { secondStep } from "./pages/second_step.js";

const ROUTES = {
  "/": home,
  "/auth/register": register,
  "/auth/login": login,
  "/auth/second_step": secondStep,
  "/auth/profile": profile,
  "/auth/account": account,
  "/auth/forgot_password": forgotPassword,
  "/auth/resend_activation": resendActivation,
  "/auth/activation": activation,
  "/auth/confirm_email": confirmEmail,
  "/auth/reset_password": resetPassword,
  "/auth/not_me": notMe,
  "/outbox": outbox,
};

const main = document.getElementById("main");
const listeners = new Set();
let visit = 0;
let leave = new AbortController();
let title = "app.name";

/** The address without a slash at its end: mails link to either form. */
export function route(pathname = location.pathname) {
  return pathname.replace(/\/+$/, "") || "/";
}

/** Go to `href`, a path or an address of this origin; `state` reaches the page. */
export async function navigate(href, { replace = false, state = null } = {}) {
  const target = new URL(href, location.origin);
  // The outbox comes with a policy of its own, which only a real page load brings.
  if (route(target.pathname) === "/outbox" || route() === "/outbox") {
    location.assign(target);
    return;
  }
  history[replace ? "replaceState" : "pushState"](state, "", target);
  await render({ moveFocus: true });
}

/** Call `listener` whenever another page is shown, or the same one anew. */
export function onPage(listener) {
  listeners.add(listener);
}

/** Show the page of the current address. */
export async function render({ moveFocus }) {
  const mine = ++visit;
  leave.abort();
  leave = new AbortController();
  const page = ROUTES[route()] ?? notFound;
  title = page.title;
  writeTitle();
  markCurrent();
  for (const listener of listeners) listener();
  const context = {
    state: history.state,
    /** Aborts when the person goes to another page. */
    left: leave.signal,
    // A page that the person has left meanwhile must not take them elsewhere.
    navigate: async (...args) => {
      if (mine === visit) await navigate(...args);
    },
  };
  let content;
  try {
    content = await page.render(context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    content = failed(page, error);
  }
  // The person has gone elsewhere meanwhile, or the page has sent them on.
  if (mine !== visit || content === null) return;
  main.replaceChildren(content);
  apply(main);
  if (moveFocus) {
    window.scrollTo(0, 0);
    main.querySelector("h1").focus();
  }
}

function failed(page, error) {
  const retry = say("button", "app.try_again", {
    type: "button",
    class: "button",
    onclick: () => render({ moveFocus: true }),
  });
  const message = el("div", { class: "status", role: "alert", "data-testid": "status" });
  message.dataset.kind = "error";
  message.append(errorMessage(error));
  return el("section", { class: "card" }, heading(page.title), message, retry);
}

/** Write the page's title in the current language. */
export function writeTitle() {
  document.title = `${t(title)} · ${t("app.name")}`;
}

/** Mark the link to the current page for screen readers and eyes. */
export function markCurrent() {
  for (const link of document.querySelectorAll("#nav a")) {
    if (route(link.pathname) === route()) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Follow clicks on links of this origin and the browser's back and forward. */
export function listen() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.button !== 0 || event.defaultPrevented) return;
    if (link.target || link.origin !== location.origin || link.hash) return;
    event.preventDefault();
    navigate(link.href);
  });
  window.addEventListener("popstate", () => {
    // Also sent when a link to a place in the page is followed.
    if (!location.hash) render({ moveFocus: true });
  });
}
