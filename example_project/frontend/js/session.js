// The user of the session, as far as this page knows.

import { auth, done } from "./api.js";
import { loginState } from "./destination.js";

/** The user {"id", "email", "username"}, or null. */
export function currentUser() {
  return auth.getUser() ?? null;
}

/** The name of the user. A user model may have no username. */
export function displayName() {
  const { username, email } = currentUser();
  return username ?? email;
}

/** Call `listener` after each change, also of another tab. */
export function onChange(listener) {
  auth.subscribe(listener);
}

/** Ask the backend. Return the user or null. */
export async function refresh() {
  return (await done(auth.me())).user;
}

/** Ask the backend. Return the user, or return null and go to the login and back. */
export async function refreshOrLogIn(navigate) {
  const user = await refresh();
  if (user === null) {
    await navigate("/auth/login", { replace: true, state: loginState("login.needed") });
  }
  return user;
}
