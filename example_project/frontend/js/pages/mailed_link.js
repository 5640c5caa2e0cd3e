import { ApiError, post } from "../api.js";
import { buttonLink, el, heading, say, statusArea } from "../dom.js";
import { takeLink } from "../link.js";
import { codeList, errorMessage } from "../messages.js";

/**
 * A page that a mail links to, and that posts the link to `endpoint` at once. `refusal`:
 * the code of a link that is no good. `next` and `instead` return [sentence key, path]:
 * where to go on after a success and after a refusal.
 */
export function mailedLink({ name, endpoint, refusal, next, instead }) {
  return {
    title: `${name}.title`,
    render() {
      const { ident, token } = takeLink();
      const status = statusArea();
      const way = el("div");

      async function use() {
        way.replaceChildren();
        status.show("info", say("p", `${name}.working`));
        try {
          await post(endpoint, { ident, token });
          status.show("success", say("p", `${name}.done`));
          way.replaceChildren(buttonLink(...next()));
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          status.show("error", errorMessage(error));
          way.replaceChildren(error.network ? retry() : buttonLink(...instead()));
        }
      }

      function retry() {
        const attributes = { type: "button", class: "button", onclick: use };
        return say("button", "app.try_again", attributes);
      }

      if (ident && token) {
        use();
      } else {
        status.show("error", codeList([refusal]));
        way.replaceChildren(buttonLink(...instead()));
      }
      const title = heading(`${name}.title`);
      return el("section", { class: "card" }, title, status.element, way);
    },
  };
}
