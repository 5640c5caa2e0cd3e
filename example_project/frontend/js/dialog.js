// Modal dialogs. The browser keeps the focus inside, closes them at Escape and gives the
// focus back to where it was.

import { el, say } from "./dom.js";
import { apply } from "./i18n.js";

/**
 * Show a dialog under the heading `title`, a sentence key. `content(close)` returns its
 * elements; what they call `close` with is what this resolves with, null after Escape.
 */
export function ask(title, content) {
  return new Promise((resolve) => {
    let answer = null;
    const dialog = el("dialog", {
      "aria-labelledby": "dialog-title",
      "data-testid": "dialog",
      onclose() {
        dialog.remove();
        resolve(answer);
      },
    });
    const close = (value) => {
      answer = value;
      dialog.close();
    };
    dialog.append(say("h2", title, { id: "dialog-title" }), ...content(close));
    apply(dialog);
    // Within the page: whoever leaves that, by the browser's back button say, leaves the
    // dialog too.
    document.getElementById("main").append(dialog);
    dialog.showModal();
  });
}
