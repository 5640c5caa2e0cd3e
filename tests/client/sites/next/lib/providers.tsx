"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useRef } from "react";

import type { operations, UserOf } from "django-ai-kit-auth";
import { AuthProvider, useUser } from "django-ai-kit-auth/react";

import { Frame } from "../react/frame";
import { auth } from "./auth";

export function Providers({
  initialUser,
  children,
}: {
  initialUser: UserOf<operations> | null | undefined;
  children: ReactNode;
}): ReactNode {
  const router = useRouter();
  return (
    <AuthProvider client={auth} initialUser={initialUser}>
      <Refresh />
      <Frame
        go={(path) => {
          router.push(path);
        }}
      >
        {children}
      </Frame>
    </AuthProvider>
  );
}

/** Render the server's part anew for another user, also one who logs in in another tab. */
function Refresh(): null {
  const router = useRouter();
  const username = useUser()?.username;
  const rendered = useRef(username);
  useEffect(() => {
    if (rendered.current === username) return;
    rendered.current = username;
    router.refresh();
  }, [router, username]);
  return null;
}
