"use client";

/** The dialog that the client opens when a request needs a fresh proof of the person. */

import { type ReactNode, useSyncExternalStore } from "react";

import type { Proof, Reauthentication as Need } from "django-ai-kit-auth";
import { useAuth } from "django-ai-kit-auth/react";

import { Form } from "./form";

interface Question extends Need {
  answer: (proof: Proof | null) => void;
}

// A client is made outside of React, so its question waits here for the dialog.
let question: Question | null = null;
const listeners = new Set<() => void>();

function setQuestion(next: Question | null): void {
  question = next;
  for (const listener of listeners) listener();
}

/** For `createClient({ onReauthenticate })`. */
export function onReauthenticate(need: Need): Promise<Proof | null> {
  return new Promise((resolve) => {
    setQuestion({
      ...need,
      answer(proof) {
        setQuestion(null);
        resolve(proof);
      },
    });
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

const PASSWORD = {
  name: "confirm_password",
  label: "Your password",
  type: "password",
  autoComplete: "current-password",
} as const;

export function Reauthentication(): ReactNode {
  const { client } = useAuth();
  const asked = useSyncExternalStore(
    subscribe,
    () => question,
    () => null,
  );
  if (!asked) return null;
  return (
    <div role="dialog" aria-label="Confirm that it is you" data-testid="dialog">
      <Form
        fields={[PASSWORD]}
        label="Confirm"
        id="confirm"
        action={async ({ confirm_password: password }) => {
          // A wrong password is told here, and not by the page that asked.
          const result = await client.confirmPassword({ password });
          if (!result.ok) return { ...result, errors: { confirm_password: result.errors.password } };
          asked.answer({ password });
          return null;
        }}
      />
      <button
        type="button"
        data-testid="cancel"
        onClick={() => {
          asked.answer(null);
        }}
      >
        Cancel
      </button>
    </div>
  );
}
