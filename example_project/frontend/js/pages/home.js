import { el, heading, say } from "../dom.js";
import { currentUser } from "../session.js";

/** The start page: what there is to try. */
export const home = {
  title: "home.title",
  render() {
    const tiles = currentUser()
      ? [
          ["profile", "/auth/profile"],
          ["account", "/auth/account"],
        ]
      : [
          ["register", "/auth/register"],
          ["login", "/auth/login"],
        ];
    tiles.push(["forgot", "/auth/forgot_password"], ["outbox", "/outbox"]);
    return el(
      "section",
      { class: "home" },
      say("p", "app.tagline", { class: "eyebrow" }),
      heading("home.title"),
      say("p", "home.intro", { class: "lead" }),
      el("ul", { class: "tiles" }, ...tiles.map(([name, href]) => tile(name, href))),
    );
  },
};

function tile(name, href) {
  return el(
    "li",
    { class: "tile" },
    el("h2", {}, say("a", `home.${name}`, { href })),
    say("p", `home.${name}_text`),
  );
}
