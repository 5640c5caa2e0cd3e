import { createClient } from "django-ai-kit-auth";

import { onReauthenticate } from "../react/reauthentication";

/** The one client of the page. */
export const auth = createClient({
  baseUrl: import.meta.env.VITE_AUTH_API,
  language: () => document.documentElement.lang,
  onReauthenticate,
  onUnauthenticated: () => {
    // The first request of an anonymous visitor, at the login itself, is no reason to go.
    if (location.pathname !== "/auth/login") location.assign("/auth/login");
  },
});
