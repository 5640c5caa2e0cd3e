import { type ReactNode, StrictMode, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

import { AuthProvider } from "django-ai-kit-auth/react";

import { Frame } from "../react/frame";
import { Account, AUTH_PAGES, Home } from "../react/pages";
import { auth } from "./auth";

const PAGES: Readonly<Record<string, () => ReactNode>> = {
  "/": Home,
  "/account": Account,
  ...Object.fromEntries(Object.entries(AUTH_PAGES).map(([name, page]) => [`/auth/${name}`, page])),
};

function subscribe(listener: () => void): () => void {
  addEventListener("popstate", listener);
  return () => {
    removeEventListener("popstate", listener);
  };
}

function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}

function App(): ReactNode {
  // The backend's links end in a slash before their query.
  const path = useSyncExternalStore(subscribe, () => location.pathname.replace(/(.)\/$/, "$1"));
  const Page = PAGES[path] ?? Home;
  return (
    <Frame go={go}>
      <Page key={path} />
    </Frame>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <AuthProvider client={auth}>
      <App />
    </AuthProvider>
  </StrictMode>,
);
