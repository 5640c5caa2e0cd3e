// Starts the app: sentences, session, first page.

import { ApiError } from "./api.js";
import { el, say } from "./dom.js";
import { apply, language, load, setLanguage } from "./i18n.js";
import { listen, markCurrent, render, writeTitle } from "./router.js";
import { currentUser, onChange, refresh } from "./session.js";

function drawNavigation() {
  const links = currentUser()
    ? [
        ["nav.profile", "/auth/profile"],
        ["nav.account", "/auth/account"],
      ]
    : [
        ["nav.register", "/auth/register"],
        ["nav.login", "/auth/login"],
      ];
  links.push(["nav.outbox", "/outbox"]);
  document
    .getElementById("nav")
    .replaceChildren(...links.map(([key, href]) => el("li", {}, say("a", key, { href }))));
  markCurrent();
}

function drawLanguages() {
  for (const button of document.querySelectorAll(".languages button")) {
    button.setAttribute("aria-pressed", String(button.lang === language()));
  }
}

await load();
for (const button of document.querySelectorAll(".languages button")) {
  button.addEventListener("click", () => {
    setLanguage(button.lang);
    writeTitle();
    drawLanguages();
  });
}
apply(document);
drawLanguages();
onChange(drawNavigation);
listen();
try {
  await refresh();
} catch (error) {
  // Pages that need the host say so themselves.
  if (!(error instanceof ApiError)) throw error;
  drawNavigation();
}
await render({ moveFocus: false });
