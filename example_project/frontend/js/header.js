// The head of every page: the menu, the user, the languages.

import { el, say, statusArea } from "./dom.js";
import { apply, language, setLanguage } from "./i18n.js";
import { logOut } from "./logout.js";
import { markCurrent, navigate, onPage, writeTitle } from "./router.js";
import { currentUser, displayName, onChange } from "./session.js";

const languages = document.querySelectorAll(".languages button");
const status = statusArea("header-status");

/** Fill the head in, and keep it up to date from then on. */
export function startHeader() {
  document.querySelector("header.site").append(status.element);
  for (const button of languages) {
    button.addEventListener("click", () => {
      setLanguage(button.lang);
      writeTitle();
      drawLanguages();
    });
  }
  drawLanguages();
  draw();
  onChange(draw);
  // What went wrong on the page before.
  onPage(status.clear);
}

function draw() {
  drawNavigation();
  drawUser();
}

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

function drawUser() {
  const place = document.getElementById("user");
  if (currentUser() === null) {
    place.replaceChildren();
    return;
  }
  const name = displayName();
  place.replaceChildren(
    say("p", "header.user", { title: name, "data-testid": "header-user" }, { name }),
    say("button", "header.logout", {
      type: "button",
      class: "button quiet",
      "data-testid": "header-logout",
      onclick: () => logOut(status, navigate),
    }),
  );
  apply(place);
}

function drawLanguages() {
  for (const button of languages) {
    button.setAttribute("aria-pressed", String(button.lang === language()));
  }
}
