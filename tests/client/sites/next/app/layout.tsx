import type { Metadata } from "next";
import type { ReactNode } from "react";

import { Providers } from "../lib/providers";
import { getUser } from "../lib/user";

export const metadata: Metadata = { title: "Next.js", icons: "data:," };

export default async function Layout({ children }: { children: ReactNode }): Promise<ReactNode> {
  const user = await getUser();
  return (
    <html lang="en">
      <body>
        <p data-testid="server-user">{user ? user.username : "anonymous"}</p>
        <Providers initialUser={user}>{children}</Providers>
      </body>
    </html>
  );
}
