// What the lists of the account page share: names of one's own, and times.

import { ask } from "../dialog.js";
import { el } from "../dom.js";
import { field, form } from "../form.js";

/** Ask for a name, under the heading `title`. Return it, or null if the user cancels. */
export function askForName(title, value) {
  return ask(title, (close) => {
    const name = field("name", { label: "account.name", autofocus: true, value });
    const { element } = form({
      name: "name",
      fields: [name],
      submit: "account.name_submit",
      cancel: () => close(null),
      check: () => (name.value().trim() ? {} : { name: ["blank"] }),
      async send() {
        close(name.value().trim());
      },
    });
    return [element];
  });
}

/** An element with the time `iso` in the language of the page. */
export function time(iso) {
  return el("time", { datetime: iso });
}
