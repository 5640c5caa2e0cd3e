// Starts the app: sentences, session, first page.

import { Refusal } from "./api.js";
import { startHeader } from "./header.js";
import { apply, load } from "./i18n.js";
import { listen, render } from "./router.js";
import { refresh } from "./session.js";

await load();
apply(document);
try {
  await refresh();
} catch (error) {
  // Pages that need the backend show that themselves.
  if (!(error instanceof Refusal)) throw error;
}
startHeader();
listen();
await render({ moveFocus: false });
