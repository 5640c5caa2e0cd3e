"use client";

import { notFound, useParams } from "next/navigation";
import type { ReactNode } from "react";

import { AUTH_PAGES } from "../../../react/pages";

export default function AuthPage(): ReactNode {
  const { page } = useParams<{ page: string }>();
  const Page = AUTH_PAGES[page];
  return Page ? <Page /> : notFound();
}
