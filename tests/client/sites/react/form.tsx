"use client";

/** A form whose failures become sentences, below the field that each is about. */

import { type ReactNode, useState } from "react";

import type { Failure } from "django-ai-kit-auth";
import { messages } from "django-ai-kit-auth/messages";
import en from "django-ai-kit-auth/messages/en";

import { useFrame } from "./frame";

export interface Field {
  name: string;
  label: string;
  type?: "email" | "password" | "text";
  autoComplete: string;
}

/** A failure of any call; only a login has `secondFactor`, which its page deals with. */
export type Refused = Omit<Failure, "secondFactor">;

/** Show what went wrong: all of it, or what belongs to one field. */
export function Sentences({ failure, field }: { failure?: Refused | undefined; field?: string }): ReactNode {
  const { catalog } = useFrame();
  if (!failure) return null;
  const found = messages(failure, { language: catalog, fallback: en });
  const sentences = field === undefined ? found.general : (found.fields[field] ?? []);
  return (
    <span role="alert" data-testid={field === undefined ? "errors" : `errors-${field}`}>
      {sentences.join(" ")}
    </span>
  );
}

export function Form<Name extends string>({
  fields,
  action,
  label,
  id = "submit",
}: {
  fields: readonly (Field & { name: Name })[];
  /** Returns the failure to show, or null. */
  action: (values: Record<Name, string>) => Promise<Refused | null>;
  label: string;
  id?: string;
}): ReactNode {
  const [failure, setFailure] = useState<Refused | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  async function submit(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const values = Object.fromEntries(
      fields.map(({ name }) => {
        const value = data.get(name);
        return [name, typeof value === "string" ? value : ""];
      }),
    );
    setIsBusy(true);
    setFailure(await action(values as Record<Name, string>));
    setIsBusy(false);
  }

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      {fields.map(({ name, label, type = "text", autoComplete }) => (
        <p key={name}>
          <label>
            {label} <input id={name} name={name} type={type} autoComplete={autoComplete} />
          </label>
          <Sentences failure={failure ?? undefined} field={name} />
        </p>
      ))}
      <Sentences failure={failure ?? undefined} />
      <button type="submit" data-testid={id} disabled={isBusy}>
        {label}
      </button>
    </form>
  );
}
