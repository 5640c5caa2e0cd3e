"use client";

/** What every page needs: the language of its visitor, the way to other pages, the user. */

import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from "react";

import type { Catalog } from "django-ai-kit-auth/messages";
import de from "django-ai-kit-auth/messages/de";
import en from "django-ai-kit-auth/messages/en";
import { useAuth } from "django-ai-kit-auth/react";

import { Reauthentication } from "./reauthentication";

const CATALOGS: Record<string, Catalog> = { de, en };

interface Frame {
  /** The sentences for error codes, in the language of the page. */
  catalog: Catalog;
  /** Show another page, without loading the whole site again. */
  go: (path: string) => void;
}

const FrameContext = createContext<Frame>({ catalog: en, go: () => undefined });

export function useFrame(): Frame {
  return useContext(FrameContext);
}

/** The browser's language. A server does not know it, so its markup is in English. */
function useBrowserLanguage(): string {
  return useSyncExternalStore(
    () => () => undefined,
    () => (navigator.language.startsWith("de") ? "de" : "en"),
    () => "en",
  );
}

export function Frame({ go, children }: { go: Frame["go"]; children: ReactNode }): ReactNode {
  const [chosen, choose] = useState<string>();
  const browsers = useBrowserLanguage();
  const catalog = CATALOGS[chosen ?? browsers] ?? en;
  useEffect(() => {
    // The client sends it, so that mails come in the same language.
    document.documentElement.lang = catalog.language;
  }, [catalog]);
  return (
    <FrameContext value={{ catalog, go }}>
      <header>
        <User />
        {Object.keys(CATALOGS).map((language) => (
          <button
            key={language}
            type="button"
            data-testid={`language-${language}`}
            onClick={() => {
              choose(language);
            }}
          >
            {language}
          </button>
        ))}
      </header>
      <main>{children}</main>
      <Reauthentication />
    </FrameContext>
  );
}

function User(): ReactNode {
  const { client, failure, refresh, status, user } = useAuth();
  const { go } = useFrame();
  if (status === "unreachable") {
    return (
      <p data-testid="user">
        unreachable: {failure?.error}{" "}
        <button type="button" data-testid="try-again" onClick={() => void refresh()}>
          Try again
        </button>
      </p>
    );
  }
  if (!user) return <p data-testid="user">{status}</p>;
  return (
    <p>
      <span data-testid="user">{user.username}</span>{" "}
      <button
        type="button"
        data-testid="logout"
        onClick={() =>
          void client.logout().then((result) => {
            if (result.ok) go("/");
          })
        }
      >
        Log out
      </button>
    </p>
  );
}
