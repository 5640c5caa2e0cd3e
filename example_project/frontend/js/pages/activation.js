import { ApiError, post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { takeLink } from "../link.js";
import { codeList, errorMessage } from "../messages.js";

/** The page that the mail of a registration links to. */
export const activation = {
  title: "activation.title",
  render() {
    const { ident, token } = takeLink();
    const status = statusArea();
    const next = el("div");
    const login = () => buttonLink("activation.login", "/auth/login");

    async function activate() {
      next.replaceChildren();
      status.show("info", say("p", "activation.working"));
      try {
        await post("activate_email/", { ident, token });
        status.show("success", say("p", "activation.done"));
        next.replaceChildren(login());
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        status.show("error", errorMessage(error));
        next.replaceChildren(error.network ? retry() : login());
      }
    }

    function retry() {
      const attributes = { type: "button", class: "button", onclick: activate };
      return say("button", "app.try_again", attributes);
    }

    if (ident && token) {
      activate();
    } else {
      status.show("error", codeList(["activation_link_invalid"]));
      next.replaceChildren(login());
    }
    return el(
      "section",
      { class: "card" },
      heading("activation.title"),
      status.element,
      next,
    );
  },
};
