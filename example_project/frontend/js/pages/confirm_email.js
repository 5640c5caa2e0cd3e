import { auth } from "../api.js";
import { currentUser } from "../session.js";
import { mailedLink } from "./mailed_link.js";

/** The page that the mail to a new address links to, in any browser. */
export const confirmEmail = mailedLink({
  name: "confirm_email",
  open: () => auth.link("confirm_email"),
  invalid: "email_change_link_invalid",
  next: onward,
  instead: onward,
});

function onward() {
  return currentUser()
    ? ["confirm_email.account", "/auth/account"]
    : ["confirm_email.login", "/auth/login"];
}
