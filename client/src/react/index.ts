"use client";

/** django-ai-kit-auth/react: the client's user and links as hooks. */

export {
  type Auth,
  AuthProvider,
  type AuthProviderProps,
  type AuthStatus,
  RequireUser,
  type RequireUserProps,
  useAuth,
  useUser,
} from "./context.js";
export { type LinkName, type LinkPage, type LinkState, useLinkAction } from "./link.js";
export { type PasskeyAutofill, usePasskeyAutofill } from "./passkeys.js";
