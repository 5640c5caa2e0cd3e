// The log-out button's work, in the head of every page and on the profile.

import { auth, done, Refusal } from "./api.js";
import { errorMessage } from "./messages.js";

/** Log out and go to the login page; show in `status` what went wrong. */
export async function logOut(status, navigate) {
  status.clear();
  try {
    await done(auth.logout());
    await navigate("/auth/login", { state: { notice: "login.logged_out" } });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    status.show("error", errorMessage(error));
    status.element.focus();
  }
}
