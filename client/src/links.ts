/** What a mailed link carries. */

export interface Link {
  ident: string;
  token: string;
}

const KEY = "aiKitAuthLink";
// In the state of each entry that the app router of Next.js has made.
const NEXT = "__NA";

/**
 * Take `ident` and `token` out of the page's address, and return them; null without. They
 * are in its query, or in that of a route behind `#`.
 *
 * SECURITY: an address is copied, shown on screens and sent to other sites as `Referer`.
 * The link goes on living in the state of this entry of the tab's history, so that it
 * survives a reload and React's second effect, until `forgetLink()`.
 */
export function takeLink(): Link | null {
  if (typeof location === "undefined" || typeof history === "undefined") return null;
  const url = new URL(location.href);
  const [route = "", ...rest] = url.hash.split("?");
  const behindHash = new URLSearchParams(rest.join("?"));
  let link = taken(url.searchParams);
  if (!link) {
    link = taken(behindHash);
    if (!link) return kept();
    const others = String(behindHash);
    url.hash = others ? `${route}?${others}` : route;
  }
  history.replaceState({ ...states(), [KEY]: link }, "", url);
  if (NEXT in states()) setTimeout(tellNext, 0, url.href);
  return link;
}

/** Take the link out of `query`. */
function taken(query: URLSearchParams): Link | null {
  const ident = query.get("ident");
  const token = query.get("token");
  if (!ident || !token) return null;
  query.delete("ident");
  query.delete("token");
  return { ident, token };
}

/**
 * Let the router of Next.js know the address without the link.
 *
 * SECURITY: it writes the address that it knows at each refresh, and so brought the token
 * back. It listens to `replaceState()` once its effects have run, which is after those of
 * the page, and only to a state without its own mark.
 */
function tellNext(address: string): void {
  const { [NEXT]: mark, ...state } = states();
  // The visitor may have gone to another page.
  if (mark && location.href === address) history.replaceState(state, "", address);
}

/** Forget the link of this page, because it is used up. */
export function forgetLink(): void {
  if (typeof history === "undefined") return;
  const { [KEY]: link, ...rest } = states();
  if (link) history.replaceState(rest, "");
}

/** The state of the entry, which a router may own. */
function states(): Record<string, unknown> {
  const state: unknown = history.state;
  return typeof state === "object" && state ? { ...state } : {};
}

function kept(): Link | null {
  const link = states()[KEY];
  return typeof link === "object" && link ? (link as Link) : null;
}
