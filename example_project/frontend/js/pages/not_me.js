import { mailedLink } from "./mailed_link.js";

/** The page that the mail about a login in a new browser links to. */
export const notMe = mailedLink({
  name: "not_me",
  endpoint: "sessions/not_me/",
  refusal: "not_me_link_invalid",
  next: () => ["not_me.outbox", "/outbox"],
  instead: () => ["not_me.forgot", "/auth/forgot_password"],
});
