// Builds elements. Text goes in as text nodes, never as HTML.

import { t } from "./i18n.js";

/**
 * Make an element. `attributes` whose value is false, null or undefined are left out,
 * true is written as an empty attribute, `on…` functions become listeners.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

/** Make an element that shows the sentence `key` and follows the language switch. */
export function say(tag, key, attributes = {}, params = undefined) {
  const element = el(tag, { ...attributes, "data-i18n": key });
  if (params) element.dataset.i18nParams = JSON.stringify(params);
  element.textContent = t(key, params);
  return element;
}

/** The heading of a page; the router moves the focus to it. */
export function heading(key) {
  return say("h1", key, { tabindex: "-1" });
}

/** A link that looks like a button. */
export function buttonLink(key, href, attributes = {}) {
  return say("a", key, { class: "button", href, ...attributes });
}

/**
 * The area where a page reports what happened. It must be in the page before
 * something is written to it, or screen readers stay silent. `testId`: on a page with
 * several.
 */
export function statusArea(testId = "status") {
  const area = el("div", {
    class: "status",
    role: "status",
    tabindex: "-1",
    "data-testid": testId,
  });
  return {
    element: area,
    /** Replace the content: `kind` is "success", "error" or "info". */
    show(kind, ...children) {
      area.dataset.kind = kind;
      area.replaceChildren(...children);
    },
    clear() {
      delete area.dataset.kind;
      area.replaceChildren();
    },
  };
}
