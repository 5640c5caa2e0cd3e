// The user of the session, as far as this page knows.

import * as api from "./api.js";
import { loginState } from "./destination.js";

let user = null;
const listeners = new Set();

/** The user {"id", "email", "username"}, or null. */
export function currentUser() {
  return user;
}

/** The name of the user. A user model may have no username. */
export function displayName() {
  return user.username ?? user.email;
}

/** Call `listener` after each change. */
export function onChange(listener) {
  listeners.add(listener);
}

function set(next) {
  user = next;
  for (const listener of listeners) listener();
}

/** Ask the backend. Return the user or null. */
export async function refresh() {
  set((await api.me()).user);
  return user;
}

/** Ask the backend. Return the user, or return null and go to the login and back. */
export async function refreshOrLogIn(navigate) {
  await refresh();
  if (user === null) {
    await navigate("/auth/login", { replace: true, state: loginState("login.needed") });
  }
  return user;
}

/** Log in, or throw ApiError. `remember`: whether the session outlives the browser. */
export async function login(ident, password, remember) {
  await loginBy("login/", { ident, password, remember });
}

/** Post to an endpoint that answers as login/ does, or throw ApiError. */
export async function loginBy(endpoint, body) {
  set((await api.post(endpoint, body)).user);
}

/** Change what PATCH me/ takes, or throw ApiError. */
export async function update(values) {
  set((await api.patch("me/", values)).user);
}

/** Note that the user is logged out. */
export function ended() {
  set(null);
}

/** Log out, or throw ApiError. */
export async function logout() {
  try {
    await api.post("logout/", {});
  } catch (error) {
    // The session has ended elsewhere: what was asked for is the case.
    if (!(error instanceof api.ApiError) || !error.has("not_authenticated")) throw error;
  }
  set(null);
}
