/** The page that a mailed link opens. */

import { useCallback, useEffect, useRef, useState } from "react";

import type { LinkAction } from "../client.js";
import type { Link } from "../links.js";
import type { Failure, operations, Purpose } from "../types.js";
import { useAuth } from "./context.js";

/** The purposes, by the names of the page's own words. */
export type LinkName = "activate" | "reset_password" | "confirm_email";

/**
 * - `checking`: the backend is asked whether the link is good.
 * - `ready`: show a button, or a form for a new password, that calls `submit()`.
 * - `working`: `submit()` is under way.
 * - `proof_required`: the link alone is not enough. Ask for the password of the account, and
 *   call `submit({ password })`.
 * - `passkey_required`: the account has no password. Show a button that calls
 *   `submitPasskey()`.
 * - `done`: the link did what it is for.
 * - `used`: it had done so before. An active account only needs to log in.
 * - `invalid`: wrong, too old, or no longer good. Offer to ask for another one.
 */
export type LinkState =
  | "checking"
  | "ready"
  | "working"
  | "proof_required"
  | "passkey_required"
  | "done"
  | "used"
  | "invalid";

type Ending<Ops, N extends LinkName> = LinkAction<Ops, PurposeOf<N>>["submit"];

type PurposeOf<N extends LinkName> = N extends "activate" ? "activation" : Extract<N, Purpose>;

export interface LinkPage<Ops extends object, N extends LinkName> {
  state: LinkState;
  /** Why the last `submit()` did not do it: codes of fields, a network that is down. */
  failure: Failure | undefined;
  /** Use the link. Only for a click of a person: mail scanners open links, too. */
  submit: (body?: Parameters<Ending<Ops, N>>[0]) => Promise<void>;
  /** Activate an account without a password, with a passkey of this `name`. */
  submitPasskey: (name?: string) => Promise<void>;
}

const PURPOSES = {
  activate: "activation",
  reset_password: "reset_password",
  confirm_email: "confirm_email",
} as const satisfies Record<LinkName, Purpose>;

const REFUSALS = [
  "activation_link_invalid",
  "reset_password_link_invalid",
  "email_change_link_invalid",
];

/**
 * Take the link out of the page's address, and say what to show. It never uses the link by
 * itself.
 */
export function useLinkAction<N extends LinkName, Ops extends object = operations>(
  name: N,
): LinkPage<Ops, N> {
  const { client } = useAuth();
  const [state, setState] = useState<LinkState>("checking");
  const [failure, setFailure] = useState<Failure>();
  const link = useRef<Link | null>(null);
  const isBusy = useRef(false);

  useEffect(() => {
    const controller = new AbortController();
    const action = client.link(PURPOSES[name]);
    link.current = action.link;
    setState("checking");
    setFailure(undefined);
    void action.status({ signal: controller.signal }).then((status) => {
      if (controller.signal.aborted) return;
      setState(status === "used" || status === "invalid" ? status : "ready");
    });
    return () => {
      controller.abort();
    };
  }, [client, name]);

  const run = useCallback(
    async (before: LinkState, request: () => Promise<{ ok: true } | Failure>) => {
      // The second click of a double click.
      if (isBusy.current) return;
      isBusy.current = true;
      setState("working");
      const result = await request();
      isBusy.current = false;
      setFailure(result.ok ? undefined : result);
      setState(result.ok ? "done" : after(result, before));
    },
    [],
  );

  const submit = useCallback(
    (body?: object) =>
      run(state, async () => {
        const action = client.link(PURPOSES[name], link.current);
        return action.submit(body as never);
      }),
    [client, name, run, state],
  );

  const submitPasskey = useCallback(
    (passkey?: string) =>
      run(state, async () => {
        const { ident, token } = link.current ?? { ident: "", token: "" };
        return client.passkey.signUp({ ident, token }, passkey);
      }),
    [client, run, state],
  );

  return { state, failure, submit, submitPasskey };
}

/** What to show after a refusal; `before` it was the state. */
function after({ error, errors }: Failure, before: LinkState): LinkState {
  if (error === "activation_proof_required") return "proof_required";
  if (error !== undefined && REFUSALS.includes(error)) return "invalid";
  return errors.credential?.includes("required") ? "passkey_required" : before;
}
