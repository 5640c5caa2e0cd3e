import { currentUser } from "../session.js";
import { mailedLink } from "./mailed_link.js";

/** The page that the mail to a new address links to, in any browser. */
export const confirmEmail = mailedLink({
  name: "confirm_email",
  endpoint: "confirm_email/",
  refusal: "email_change_link_invalid",
  next: onward,
  instead: onward,
});

function onward() {
  return currentUser()
    ? ["confirm_email.account", "/auth/account"]
    : ["confirm_email.login", "/auth/login"];
}
