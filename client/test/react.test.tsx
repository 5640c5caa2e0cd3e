// @vitest-environment happy-dom
// @vitest-environment-options { "url": "http://localhost:3000/", "settings": { "fetch": { "disableSameOriginPolicy": true } } }
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { StrictMode, type ReactNode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Client, createClient } from "../src/index.js";
import {
  AuthProvider,
  type LinkName,
  RequireUser,
  useAuth,
  useLinkAction,
  usePasskeyAutofill,
  useUser,
} from "../src/react/index.js";
import { ADA, Backend } from "./backend.js";

// A busy machine takes its time.
configure({ asyncUtilTimeout: 10_000 });

let backend: Backend;
let client: Client;

beforeEach(async () => {
  backend = new Backend();
  client = createClient({ baseUrl: await backend.start() });
  history.replaceState(null, "", "/");
});

afterEach(async () => {
  cleanup();
  client.close();
  await backend.stop();
  vi.unstubAllGlobals();
});

function show(children: ReactNode) {
  return render(
    <StrictMode>
      <AuthProvider client={client}>{children}</AuthProvider>
    </StrictMode>,
  );
}

function Name(): ReactNode {
  const user = useUser();
  return <p role="note">{user === undefined ? "?" : (user?.username ?? "nobody")}</p>;
}

function Status(): ReactNode {
  const { status, failure, refresh } = useAuth();
  return (
    <button onClick={() => void refresh()}>
      {status} {failure?.error}
    </button>
  );
}

describe("the user", () => {
  it("is asked for once, and follows a login and a logout", async () => {
    show(
      <>
        <Name />
        <Status />
      </>,
    );
    expect(screen.getByRole("note").textContent).toBe("?");
    expect(screen.getByRole("button").textContent).toBe("loading ");
    await screen.findByText("nobody");
    expect(screen.getByRole("button").textContent).toBe("anonymous ");
    expect(backend.requests).toEqual(["GET me/"]);
    backend.answers("POST login/", { body: { user: ADA, csrf: "x" } });
    await act(() => client.login({ ident: "ada", password: "x" }));
    expect(screen.getByRole("note").textContent).toBe("ada");
    expect(screen.getByRole("button").textContent).toBe("authenticated ");
    await act(() => client.logout());
    expect(screen.getByRole("note").textContent).toBe("nobody");
  });

  it("is not asked for where the client knows", async () => {
    await client.me();
    show(<Name />);
    expect(screen.getByRole("note").textContent).toBe("nobody");
    expect(backend.requests).toEqual(["GET me/"]);
  });

  it("cannot be told by a backend that does not answer, until it does", async () => {
    backend.answers("GET me/", { status: 503, body: { error: "service_unavailable" } });
    show(<Status />);
    await screen.findByText("unreachable service_unavailable");
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    fireEvent.click(screen.getByRole("button"));
    await screen.findByText("authenticated");
  });

  it("comes with the markup of a server, and is asked for in the browser", async () => {
    const page = (
      <AuthProvider client={client} initialUser={ADA}>
        <Name />
        <RequireUser>for Ada</RequireUser>
      </AuthProvider>
    );
    const markup = renderToString(page);
    expect(markup).toContain("ada");
    expect(markup).toContain("for Ada");
    expect(backend.requests).toEqual([]);
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    const errors = vi.spyOn(console, "error");
    const place = document.createElement("div");
    place.innerHTML = markup;
    const root = hydrateRoot(place, page);
    await waitFor(() => {
      expect(client.getUser()).toEqual(ADA);
    });
    expect(place.textContent).toBe("adafor Ada");
    expect(errors).not.toHaveBeenCalled();
    act(() => {
      root.unmount();
    });
  });

  it("needs a provider", () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    expect(() => render(<Name />)).toThrow("inside an <AuthProvider>");
    vi.restoreAllMocks();
  });
});

describe("RequireUser", () => {
  const page = (
    <RequireUser fallback="please log in" loading="one moment" unreachable="no answer">
      secret
    </RequireUser>
  );

  it("shows what is for users alone", async () => {
    backend.answers("GET me/", { body: { user: ADA, csrf: "x" } });
    show(page);
    expect(document.body.textContent).toBe("one moment");
    await screen.findByText("secret");
  });

  it("shows anonymous users the fallback", async () => {
    show(page);
    await screen.findByText("please log in");
  });

  it("says that the backend does not answer", async () => {
    backend.answers("GET me/", { status: 502, body: "" });
    show(page);
    await screen.findByText("no answer");
  });

  it("shows nothing by default", async () => {
    show(
      <>
        <RequireUser>secret</RequireUser>
        <Name />
      </>,
    );
    await screen.findByText("nobody");
    expect(document.body.textContent).toBe("nobody");
  });
});

function LinkPage({ name, body }: { name: LinkName; body?: object }): ReactNode {
  const { state, failure, submit, submitPasskey } = useLinkAction(name);
  const codes = failure && [failure.error, ...Object.values(failure.errors).flat()];
  return (
    <>
      <p role="note">
        {state} {codes?.filter(Boolean).join()}
      </p>
      <button onClick={() => void submit(body)}>use</button>
      <button onClick={() => void submitPasskey("Phone")}>passkey</button>
    </>
  );
}

const state = (text: string): Promise<void> =>
  waitFor(() => {
    expect(screen.getByRole("note").textContent.trim()).toBe(text);
  });
const use = (): void => {
  fireEvent.click(screen.getByText("use"));
};

describe("the page of a mailed link", () => {
  beforeEach(() => {
    history.replaceState(null, "", "/auth/activation?ident=MQ&token=abc");
    backend.answers("POST link_status/", { body: { status: "valid" } });
  });

  const posts = () => backend.requests.filter((request) => !/link_status|me\//.test(request));

  it("never uses the link by itself, and takes it out of the address", async () => {
    show(<LinkPage name="activate" />);
    expect(screen.getByRole("note").textContent.trim()).toBe("checking");
    await state("ready");
    expect(location.search).toBe("");
    expect(posts()).toEqual([]);
    use();
    await state("done");
    expect(posts()).toEqual(["POST activate_email/"]);
    expect(backend.last.body).toEqual({ ident: "MQ", token: "abc" });
  });

  it("uses it once for a double click", async () => {
    backend.answers("POST activate_email/", { delay: 50 });
    show(<LinkPage name="activate" />);
    await state("ready");
    use();
    use();
    await state("working");
    await state("done");
    expect(posts()).toHaveLength(1);
  });

  it.each(["used", "invalid"])("says that the link is %s before a click", async (status) => {
    backend.answers("POST link_status/", { body: { status } });
    show(<LinkPage name="activate" />);
    await state(status);
  });

  it("without a link is invalid", async () => {
    history.replaceState(null, "", "/auth/activation");
    show(<LinkPage name="activate" />);
    await state("invalid");
  });

  it("asks for the password of the account, until it is right", async () => {
    const refused = { status: 400, body: { error: "activation_proof_required" } };
    backend.answers("POST activate_email/", refused, refused, {});
    show(<LinkPage name="activate" body={{ password: "x" }} />);
    await state("ready");
    use();
    await state("proof_required activation_proof_required");
    use();
    await waitFor(() => {
      expect(posts()).toHaveLength(2);
    });
    await state("proof_required activation_proof_required");
    use();
    await state("done");
    expect(backend.last.body).toEqual({ ident: "MQ", token: "abc", password: "x" });
  });

  it("shows what is wrong with a new password, and lets the user try again", async () => {
    backend.answers(
      "POST reset_password/",
      { status: 400, body: { password: ["password_too_short"] } },
      {},
    );
    show(<LinkPage name="reset_password" body={{ password: "x" }} />);
    await state("ready");
    use();
    await state("ready password_too_short");
    use();
    await state("done");
  });

  it.each([
    ["activate", "activate_email/", "activation_link_invalid"],
    ["reset_password", "reset_password/", "reset_password_link_invalid"],
    ["confirm_email", "confirm_email/", "email_change_link_invalid"],
  ] as const)("of %s tells of a link that died meanwhile", async (name, path, error) => {
    backend.answers(`POST ${path}`, { status: 400, body: { error } });
    show(<LinkPage name={name} />);
    await state("ready");
    use();
    await state(`invalid ${error}`);
  });

  it("stays as it was when the network is down", async () => {
    show(<LinkPage name="activate" />);
    await state("ready");
    backend.answers("POST activate_email/", { status: 502, body: "" });
    use();
    await state("ready unexpected_answer");
  });

  it("asks for a passkey where the account has no password", async () => {
    vi.stubGlobal("PublicKeyCredential", Object.assign(() => undefined, {}));
    vi.stubGlobal("navigator", {
      credentials: { create: () => Promise.resolve({ toJSON: () => ({ id: "bmV3" }) }) },
    });
    backend.answers(
      "POST activate_email/",
      { status: 400, body: { credential: ["required"] } },
      {},
    );
    backend.answers("POST activate_email/passkey_options/", {
      body: { publicKey: { challenge: "Yw", rp: { id: "x" }, user: { id: "dQ" } } },
    });
    show(<LinkPage name="activate" />);
    await state("ready");
    use();
    await state("passkey_required required");
    fireEvent.click(screen.getByText("passkey"));
    await state("done");
    expect(backend.last.body).toMatchObject({ ident: "MQ", token: "abc", name: "Phone" });
  });

  it("says so where there is no link for a passkey", async () => {
    history.replaceState(null, "", "/auth/activation");
    vi.stubGlobal("PublicKeyCredential", Object.assign(() => undefined, {}));
    backend.answers("POST activate_email/passkey_options/", {
      status: 400,
      body: { error: "activation_link_invalid" },
    });
    show(<LinkPage name="activate" />);
    await state("invalid");
    fireEvent.click(screen.getByText("passkey"));
    await state("invalid activation_link_invalid");
    expect(backend.last.body).toEqual({ ident: "", token: "" });
  });

  it("may be left while the backend is asked", async () => {
    backend.answers("POST link_status/", { body: { status: "valid" }, delay: 50 });
    const { unmount } = show(<LinkPage name="activate" />);
    unmount();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(posts()).toEqual([]);
  });
});

describe("passkeys in the list of a field", () => {
  const OPTIONS = { body: { publicKey: { challenge: "Yw", rpId: "example.com" } } };
  let choose: ((chosen: object) => void) | undefined;
  let questions: number;

  beforeEach(() => {
    choose = undefined;
    questions = 0;
    backend.answers("POST passkey_login/options/", OPTIONS);
    stub(true);
  });

  function stub(canAutofill: boolean): void {
    vi.stubGlobal(
      "PublicKeyCredential",
      Object.assign(() => undefined, {
        isConditionalMediationAvailable: () => Promise.resolve(canAutofill),
      }),
    );
    vi.stubGlobal("navigator", {
      credentials: {
        get: ({ signal }: { signal: AbortSignal }) =>
          new Promise((resolve, reject) => {
            questions += 1;
            choose = resolve;
            signal.addEventListener("abort", () => {
              reject(new DOMException("", "AbortError"));
            });
          }),
      },
    });
  }

  function Login({ log, remember }: { log: (line: string) => void; remember?: boolean }) {
    usePasskeyAutofill({
      onLogin: (user) => {
        log(`hello ${user.username}`);
      },
      onFailure: ({ errors }) => {
        log(Object.values(errors).flat().join());
      },
      ...(remember !== undefined && { remember }),
    });
    return null;
  }

  const CHOSEN = { toJSON: () => ({ id: "b25l" }) };

  it("log in, and remember what the page says by then", async () => {
    const log = vi.fn();
    const { rerender } = show(<Login log={log} />);
    await waitFor(() => {
      expect(choose).toBeDefined();
    });
    rerender(
      <StrictMode>
        <AuthProvider client={client}>
          <Login log={log} remember />
        </AuthProvider>
      </StrictMode>,
    );
    backend.answers("POST passkey_login/", { body: { user: ADA, csrf: "x" } });
    choose?.(CHOSEN);
    await waitFor(() => {
      expect(log).toHaveBeenCalledExactlyOnceWith("hello ada");
    });
    expect(backend.last.body).toMatchObject({ remember: true });
  });

  it("are offered again after one that was refused", async () => {
    const log = vi.fn();
    show(<Login log={log} />);
    await waitFor(() => {
      expect(choose).toBeDefined();
    });
    backend.answers("POST passkey_login/", {
      status: 400,
      body: { credential: ["invalid_credential"] },
    });
    const before = questions;
    choose?.(CHOSEN);
    await waitFor(() => {
      expect(questions).toBe(before + 1);
    });
    expect(log).toHaveBeenCalledExactlyOnceWith("invalid_credential");
    expect(backend.last.path).toBe("passkey_login/options/");
    expect(backend.asked.find(({ path }) => path === "passkey_login/")?.body).toMatchObject({
      remember: false,
    });
  });

  it("are no news where they cannot be offered", async () => {
    const log = vi.fn();
    backend.answers("POST passkey_login/options/", { status: 429, body: { error: "throttled" } });
    show(<Login log={log} />);
    await waitFor(() => {
      expect(backend.requests).toContain("POST passkey_login/options/");
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(log).not.toHaveBeenCalled();
    expect(questions).toBe(0);
  });

  it("need a browser with such a list", async () => {
    stub(false);
    show(<Login log={() => undefined} />);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(backend.requests).toEqual(["GET me/"]);
  });

  it("need no callbacks, and end with the page", async () => {
    function Plain(): ReactNode {
      usePasskeyAutofill();
      return null;
    }
    const { unmount } = show(<Plain />);
    await waitFor(() => {
      expect(choose).toBeDefined();
    });
    backend.answers(
      "POST passkey_login/",
      { status: 400, body: { credential: ["invalid_credential"] } },
      { body: { user: ADA, csrf: "x" } },
    );
    const before = questions;
    choose?.(CHOSEN);
    await waitFor(() => {
      expect(questions).toBe(before + 1);
    });
    unmount();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(backend.requests.filter((request) => request === "POST passkey_login/")).toHaveLength(1);
  });
});
