import { forgetLink, takeLink } from "/vendor/django-ai-kit-auth.js";

import { auth } from "../api.js";
import { mailedLink } from "./mailed_link.js";

/** The page that the mail about a login in a new browser links to. */
export const notMe = mailedLink({
  name: "not_me",
  open,
  invalid: "not_me_link_invalid",
  next: () => ["not_me.outbox", "/outbox"],
  instead: () => ["not_me.forgot", "/auth/forgot_password"],
});

function open() {
  const link = takeLink();
  return {
    // The backend has no word on such a link before it is used.
    status: () => (link ? "unknown" : "invalid"),
    async submit() {
      const result = await auth.notMe(link);
      if (result.ok) forgetLink();
      return result;
    },
  };
}
