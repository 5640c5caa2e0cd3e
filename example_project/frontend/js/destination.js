// Where a login leads: to the page that asked for it.

/**
 * The state that the login page gets from a page that needs a login. `notice` is a
 * sentence key. The way back stands in the history's state and not in the address of the
 * login page: a link can fill in an address, and only a page of this origin writes that
 * state.
 */
export function loginState(notice) {
  return { notice, next: location.href };
}

/** The address to go to after the login: the one in `state`, or the profile. */
export function destination(state) {
  const { href, origin } = new URL("/auth/profile", location.origin);
  const next = String(state?.next ?? href);
  // SECURITY: the whole address is compared as the browser parses it. "//other.example"
  // and "/\other.example" look like paths and are none.
  return URL.canParse(next) && new URL(next).origin === origin ? next : href;
}
