// What a mailed link carries.

/**
 * Return {"ident", "token"} of the address, empty strings where it has none, and take
 * them out of it: an address is copied, kept in the history and shown on screens.
 * They stay in the history's state, so that reloading the page keeps them.
 */
export function takeLink() {
  const query = new URLSearchParams(location.search);
  const link = {
    ident: query.get("ident") ?? history.state?.link?.ident ?? "",
    token: query.get("token") ?? history.state?.link?.token ?? "",
  };
  history.replaceState({ link }, "", location.pathname);
  return link;
}
