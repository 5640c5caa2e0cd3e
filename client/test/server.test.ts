import { expect, it } from "vitest";

import { createClient, forgetLink, takeLink } from "../src/index.js";

it("a server has no address bar and no tabs, and the client does without", async () => {
  expect(takeLink()).toBeNull();
  forgetLink();
  const auth = createClient({
    baseUrl: "https://api.example.com/auth/",
    fetch: () => Promise.resolve(Response.json({ user: null, csrf: "x" })),
  });
  expect((await auth.link("activation").status())).toBe("invalid");
  expect(await auth.login({ ident: "ada", password: "x" })).toMatchObject({ ok: true });
  expect(auth.passkey.isSupported()).toBe(false);
  auth.close();
});

it("a server may use the paths of the project", async () => {
  const auth = createClient({
    baseUrl: "https://api.example.com/auth/",
    fetch: (url) => Promise.resolve(Response.json({ url })),
  });
  expect(await auth.request("GET", "/api/orders/")).toMatchObject({
    data: { url: "https://api.example.com/api/orders/" },
  });
});
