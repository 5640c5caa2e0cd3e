import { auth } from "../api.js";
import { mailedLink } from "./mailed_link.js";

/** The page that the mail of a registration links to. */
export const activation = mailedLink({
  name: "activation",
  open: () => auth.link("activation"),
  invalid: "activation_link_invalid",
  next: () => ["activation.login", "/auth/login"],
  instead: () => ["activation.again", "/auth/resend_activation"],
});
