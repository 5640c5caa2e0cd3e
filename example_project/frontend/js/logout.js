// The log-out button's work, in the head of every page and on the profile.

import { ApiError } from "./api.js";
import { errorMessage } from "./messages.js";
import { logout } from "./session.js";

/** Log out and go to the login page; show in `status` what went wrong. */
export async function logOut(status, navigate) {
  status.clear();
  try {
    await logout();
    await navigate("/auth/login", { state: { notice: "login.logged_out" } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    status.show("error", errorMessage(error));
    status.element.focus();
  }
}
