import { cookies } from "next/headers";

import { createClient, type operations, type UserOf } from "django-ai-kit-auth";

import { AUTH_API } from "./api";

/**
 * The user of this request: null for an anonymous one, undefined if the backend does not
 * answer. For server components.
 */
export async function getUser(): Promise<UserOf<operations> | null | undefined> {
  const jar = await cookies();
  // SECURITY: a client for this request alone. It keeps the user of its session.
  const client = createClient({
    baseUrl: AUTH_API,
    headers: () => ({ Cookie: jar.toString() }),
    fetch: (url, init) => fetch(url, { ...init, cache: "no-store" }),
  });
  const result = await client.me();
  return result.ok ? result.data.user : undefined;
}
