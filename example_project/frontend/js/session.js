// Who is logged in, as far as this page knows.

import * as api from "./api.js";

let user = null;
const listeners = new Set();

/** The user {"id", "email", "username"}, or null. */
export function currentUser() {
  return user;
}

/** Call `listener` after each change. */
export function onChange(listener) {
  listeners.add(listener);
}

function set(next) {
  user = next;
  for (const listener of listeners) listener();
}

/** Ask the host; return the user or null. */
export async function refresh() {
  set((await api.me()).user);
  return user;
}

/** Log in, or throw ApiError. */
export async function login(ident, password) {
  set((await api.post("login/", { ident, password })).user);
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
