/** The client and its user, for all components below an `AuthProvider`. */

import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";

import type { Client } from "../client.js";
import type { operations, Refusal, UserOf } from "../types.js";

/**
 * - `loading`: the backend has not answered yet, and on a server.
 * - `unreachable`: it could not say who the user is; `failure` says why, and `refresh()` asks
 *   again.
 */
export type AuthStatus = "loading" | "anonymous" | "authenticated" | "unreachable";

export interface Auth<Ops extends object = operations> {
  client: Client<Ops>;
  status: AuthStatus;
  /** null for an anonymous user, undefined until the backend has answered. */
  user: UserOf<Ops> | null | undefined;
  /** Why the backend did not say who the user is. */
  failure: Refusal<Ops, "me"> | undefined;
  /** Ask the backend who the user is. */
  refresh: () => Promise<void>;
}

export interface AuthProviderProps<Ops extends object = operations> {
  client: Client<Ops>;
  /** What a server has found out for this visitor: its page then shows the user at once. */
  initialUser?: UserOf<Ops> | null | undefined;
  children?: ReactNode;
}

const AuthContext = createContext<Auth | null>(null);

/** Provide `client` and its user. It asks `me/` once, in the browser. */
export function AuthProvider<Ops extends object = operations>({
  client,
  initialUser,
  children,
}: AuthProviderProps<Ops>): ReactNode {
  const [failure, setFailure] = useState<Refusal<Ops, "me">>();
  const known = useSyncExternalStore(
    client.subscribe,
    client.getUser,
    // The markup of the server, and the first one in the browser.
    () => undefined,
  );
  const user = known === undefined ? initialUser : known;

  const refresh = useCallback(async () => {
    const result = await me(client);
    setFailure(result.ok ? undefined : (result as Refusal<Ops, "me">));
  }, [client]);

  useEffect(() => {
    if (client.getUser() === undefined) void refresh();
  }, [client, refresh]);

  const auth = useMemo<Auth<Ops>>(
    () => ({ client, failure, refresh, status: statusOf(user, failure), user }),
    [client, failure, refresh, user],
  );
  // A context cannot be generic; `useAuth()` gives the type back.
  return createElement(AuthContext, { value: auth as unknown as Auth }, children);
}

function statusOf(user: unknown, failure: unknown): AuthStatus {
  if (user) return "authenticated";
  if (user === null) return "anonymous";
  return failure ? "unreachable" : "loading";
}

const asking = new WeakMap<object, Promise<{ ok: boolean }>>();

/** Ask `me/`, once for all who want to know now: StrictMode runs each effect twice. */
function me(client: { me: unknown }): Promise<{ ok: boolean }> {
  const running = asking.get(client);
  if (running) return running;
  const answer = (client as Client).me().finally(() => {
    asking.delete(client);
  });
  asking.set(client, answer);
  return answer;
}

/**
 * Return the client, the user and what is known of the session.
 *
 * Throws an `Error` outside an `AuthProvider`.
 */
export function useAuth<Ops extends object = operations>(): Auth<Ops> {
  const auth = useContext(AuthContext);
  if (!auth) throw new Error("useAuth() is for components inside an <AuthProvider>.");
  return auth as unknown as Auth<Ops>;
}

/** Return the user: null for an anonymous one, undefined until the backend has answered. */
export function useUser<Ops extends object = operations>(): UserOf<Ops> | null | undefined {
  return useAuth<Ops>().user;
}

export interface RequireUserProps {
  children?: ReactNode;
  /** For an anonymous user: a login page, or what leads to one. */
  fallback?: ReactNode;
  /** Until the backend has answered. */
  loading?: ReactNode;
  /** For a backend that does not answer. */
  unreachable?: ReactNode;
}

/**
 * Show `children` to a user who is logged in.
 *
 * SECURITY: this is for the eyes. What a user may see and do, the backend decides.
 */
export function RequireUser({
  children,
  fallback,
  loading,
  unreachable,
}: RequireUserProps): ReactNode {
  const { status } = useAuth();
  return { authenticated: children, anonymous: fallback, loading, unreachable }[status] ?? null;
}
