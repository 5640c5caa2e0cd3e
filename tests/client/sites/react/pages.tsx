"use client";

/** The pages of the accounts, by their paths. */

import { type ReactNode, useState } from "react";

import { type LinkName, RequireUser, useAuth, useLinkAction, useUser } from "django-ai-kit-auth/react";

import { Form, Sentences } from "./form";
import { useFrame } from "./frame";

const EMAIL = { name: "email", label: "E-mail address", type: "email", autoComplete: "email" } as const;
const USERNAME = { name: "username", label: "User name", autoComplete: "username" } as const;
const NEW_PASSWORD = {
  name: "password",
  label: "New password",
  type: "password",
  autoComplete: "new-password",
} as const;
const PASSWORD = { ...NEW_PASSWORD, label: "Password", autoComplete: "current-password" } as const;

export function Home(): ReactNode {
  return <h1>Home</h1>;
}

export function Register(): ReactNode {
  const { client } = useAuth();
  const [sentTo, setSentTo] = useState<string>();
  if (sentTo) return <p data-testid="status">A mail is on its way to {sentTo}.</p>;
  return (
    <>
      <h1>Register</h1>
      <Form
        fields={[EMAIL, USERNAME, NEW_PASSWORD]}
        label="Register"
        action={async (values) => {
          const result = await client.register(values);
          if (!result.ok) return result;
          setSentTo(values.email);
          return null;
        }}
      />
    </>
  );
}

export function Login(): ReactNode {
  const { client } = useAuth();
  const { go } = useFrame();
  const [needsCode, setNeedsCode] = useState(false);
  if (needsCode) {
    return (
      <>
        <h1>Second step</h1>
        <Form
          fields={[{ name: "code", label: "Code of your app", autoComplete: "one-time-code" }]}
          label="Log in"
          action={async ({ code }) => {
            const result = await client.secondFactor({ method: "totp", code });
            if (!result.ok) return result;
            go("/account");
            return null;
          }}
        />
      </>
    );
  }
  return (
    <>
      <h1>Log in</h1>
      <Form
        fields={[{ ...USERNAME, name: "ident", label: "User name or e-mail address" }, PASSWORD]}
        label="Log in"
        action={async (values) => {
          const result = await client.login(values);
          if (!result.ok && !result.secondFactor) return result;
          if (result.ok) go("/account");
          else setNeedsCode(true);
          return null;
        }}
      />
    </>
  );
}

export function ForgotPassword(): ReactNode {
  const { client } = useAuth();
  const [isSent, setIsSent] = useState(false);
  if (isSent) return <p data-testid="status">If there is an account, a mail is on its way.</p>;
  return (
    <>
      <h1>Forgot password</h1>
      <Form
        fields={[EMAIL]}
        label="Send the mail"
        action={async (values) => {
          const result = await client.sendPwResetEmail(values);
          if (!result.ok) return result;
          setIsSent(true);
          return null;
        }}
      />
    </>
  );
}

/** The page that a mailed link opens. It uses the link at a click, never by itself. */
function LinkPage<N extends LinkName>({
  name,
  texts,
  children,
}: {
  name: N;
  texts: { used: string; done: string };
  /** What to show while the link may be used. */
  children: (link: ReturnType<typeof useLinkAction<N>>) => ReactNode;
}): ReactNode {
  const link = useLinkAction(name);
  const text = {
    checking: "One moment …",
    ready: "",
    working: "One moment …",
    proof_required: "",
    passkey_required: "Create a passkey.",
    done: texts.done,
    used: texts.used,
    invalid: "This link is wrong or too old.",
  }[link.state];
  return (
    <>
      <h1>{name}</h1>
      <p data-testid="link" data-state={link.state}>
        {text}
      </p>
      {children(link)}
    </>
  );
}

export function Activate(): ReactNode {
  return (
    <LinkPage
      name="activate"
      texts={{ done: "Your account is active.", used: "Your account is active already. Log in." }}
    >
      {({ state, failure, submit }) => {
        if (state === "ready") {
          return (
            <>
              <button type="button" data-testid="use-link" onClick={() => void submit()}>
                Activate
              </button>
              <Sentences failure={failure} />
            </>
          );
        }
        if (state !== "proof_required") return null;
        return (
          <Form
            fields={[PASSWORD]}
            label="Activate"
            action={async (values) => {
              await submit(values);
              return null;
            }}
          />
        );
      }}
    </LinkPage>
  );
}

export function ResetPassword(): ReactNode {
  return (
    <LinkPage name="reset_password" texts={{ done: "You have a new password.", used: "" }}>
      {({ state, failure, submit }) =>
        state === "ready" && (
          <>
            <Form
              fields={[NEW_PASSWORD]}
              label="Set the password"
              action={async (values) => {
                await submit(values);
                return null;
              }}
            />
            <Sentences failure={failure} field="password" />
            <Sentences failure={failure} />
          </>
        )
      }
    </LinkPage>
  );
}

export function ConfirmEmail(): ReactNode {
  return (
    <LinkPage
      name="confirm_email"
      texts={{ done: "The address is yours.", used: "The address is yours already." }}
    >
      {({ state, failure, submit }) =>
        state === "ready" && (
          <>
            <button type="button" data-testid="use-link" onClick={() => void submit()}>
              Confirm
            </button>
            <Sentences failure={failure} />
          </>
        )
      }
    </LinkPage>
  );
}

export function Account(): ReactNode {
  return (
    <RequireUser
      loading={<p>One moment …</p>}
      fallback={
        <p data-testid="needs-login">
          Please <a href="/auth/login">log in</a>.
        </p>
      }
    >
      <Profile />
    </RequireUser>
  );
}

function Profile(): ReactNode {
  const { client, refresh } = useAuth();
  const user = useUser();
  const [status, setStatus] = useState("");
  return (
    <>
      <h1>Account</h1>
      <p data-testid="email">{user?.email}</p>
      <p data-testid="status">{status}</p>
      <Form
        fields={[{ ...EMAIL, name: "new_email", label: "New e-mail address" }]}
        label="Change"
        action={async ({ new_email: email }) => {
          const result = await client.changeEmail({ email });
          if (!result.ok) return result;
          setStatus(`A mail is on its way to ${email}.`);
          return null;
        }}
      />
      <Form
        fields={[USERNAME]}
        label="Rename"
        id="rename"
        action={async (values) => {
          const result = await client.updateMe(values);
          if (!result.ok) return result;
          setStatus("Saved.");
          await refresh();
          return null;
        }}
      />
    </>
  );
}

/** The pages by the last part of the paths that the backend's links lead to. */
export const AUTH_PAGES: Readonly<Record<string, () => ReactNode>> = {
  login: Login,
  register: Register,
  activation: Activate,
  forgot_password: ForgotPassword,
  reset_password: ResetPassword,
  confirm_email: ConfirmEmail,
};
