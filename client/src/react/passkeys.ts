/** Passkeys in the list that the browser shows below a field. */

import { useEffect, useRef } from "react";

import type { Failure, operations, UserOf } from "../types.js";
import { useAuth } from "./context.js";

export interface PasskeyAutofill<Ops extends object = operations> {
  /** Called after a login. The user of `useUser()` is set by then. */
  onLogin?: (user: UserOf<Ops>) => void;
  /** Called when a passkey that the person chose is refused. */
  onFailure?: (failure: Failure) => void;
  /** Whether the session outlives the browser. */
  remember?: boolean;
}

/**
 * Offer passkeys in the list of the field with `autocomplete="username webauthn"`, as long as
 * the component is on the page. Without a browser that can, it does nothing.
 */
export function usePasskeyAutofill<Ops extends object = operations>(
  options: PasskeyAutofill<Ops> = {},
): void {
  const { client } = useAuth();
  // The question stays open while these change.
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const hasLeft = (): boolean => signal.aborted;

    async function offer(): Promise<void> {
      if (!(await client.passkey.canAutofill())) return;
      let isAsking = true;
      while (isAsking && !hasLeft()) {
        const result = await client.passkey.login({
          conditional: true,
          signal,
          remember: () => latest.current.remember ?? false,
        });
        if (hasLeft()) return;
        if (result.ok) {
          latest.current.onLogin?.(result.data.user as UserOf<Ops>);
          return;
        }
        // What went wrong before a person chose a passkey is no news to anybody.
        isAsking = "credential" in result.errors;
        if (isAsking) latest.current.onFailure?.(result);
      }
    }

    void offer();
    return () => {
      controller.abort();
    };
  }, [client]);
}
