import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { logOut } from "../logout.js";
import { refreshOrLogIn } from "../session.js";

/** The account behind the session, asked for anew at each visit. */
export const profile = {
  title: "profile.title",
  async render({ navigate }) {
    const user = await refreshOrLogIn(navigate);
    if (user === null) return null;
    const status = statusArea();
    return el(
      "section",
      { class: "card" },
      heading("profile.title"),
      el("dl", { class: "facts" }, ...["email", "username", "id"].flatMap(fact)),
      buttonLink("profile.account", "/auth/account"),
      say("button", "profile.logout", {
        type: "button",
        class: "button quiet",
        "data-testid": "logout",
        onclick: () => logOut(status, navigate),
      }),
      status.element,
    );

    function fact(name) {
      // A user model may have no name, or the serializer may leave it out.
      if (user[name] === undefined) return [];
      return [
        say("dt", `profile.${name}`),
        el("dd", { "data-testid": `profile-${name}` }, String(user[name])),
      ];
    }
  },
};
