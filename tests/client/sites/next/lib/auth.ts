"use client";

import { createClient } from "django-ai-kit-auth";

import { onReauthenticate } from "../react/reauthentication";
import { AUTH_API } from "./api";

/** The one client of the page. A server renders with it and asks nothing. */
export const auth = createClient({
  baseUrl: AUTH_API,
  language: () => document.documentElement.lang,
  onReauthenticate,
  onUnauthenticated: () => {
    // The first request of an anonymous visitor, at the login itself, is no reason to go.
    if (location.pathname !== "/auth/login") location.assign("/auth/login");
  },
});
