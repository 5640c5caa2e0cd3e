/** What the compiler tells a page: these tests pass where they compile. */
import { describe, expectTypeOf, it } from "vitest";

import type {
  Body,
  Client,
  ClientCode,
  Data,
  ErrorCode,
  FieldErrors,
  operations,
  Result,
  UserOf,
} from "../src/index.js";

type Login = Awaited<ReturnType<Client["login"]>>;

describe("the types of a call", () => {
  it("are those of the backend", () => {
    expectTypeOf<keyof Body<operations, "login">>().toEqualTypeOf<
      "ident" | "password" | "remember"
    >();
    expectTypeOf<{ ident: string }>().not.toExtend<Body<operations, "login">>();
    expectTypeOf<Data<operations, "me">["user"]>().toEqualTypeOf<UserOf<operations> | null>();
    expectTypeOf<UserOf<operations>["email"]>().toEqualTypeOf<string>();
    expectTypeOf<ErrorCode<operations, "logout">>().toEqualTypeOf<
      "csrf_failed" | "not_authenticated" | "parse_error" | "service_unavailable" | "unsupported_media_type"
    >();
  });

  it("name each code of an operation, by field", () => {
    type Errors = FieldErrors<operations, "login">;
    expectTypeOf<keyof Errors>().toEqualTypeOf<"ident" | "non_field_errors" | "password" | "remember">();
    expectTypeOf<NonNullable<Errors["non_field_errors"]>[number]>().toEqualTypeOf<
      "invalid" | "invalid_credentials" | "null" | "second_factor_required"
    >();
  });

  it("tell success and failure apart", () => {
    expectTypeOf<Extract<Result<operations, "me">, { ok: true }>["data"]>().toEqualTypeOf<
      Data<operations, "me">
    >();
    type Failed = Extract<Result<operations, "me">, { ok: false }>;
    expectTypeOf<NonNullable<Failed["error"]>>().toEqualTypeOf<
      ClientCode | ErrorCode<operations, "me">
    >();
    // No field of an operation without a body can be wrong.
    expectTypeOf<keyof Failed["errors"]>().toEqualTypeOf<string>();
    expectTypeOf<NonNullable<Failed["errors"][string]>>().toBeNever();
  });

  it("of a login name the second factors", () => {
    type Needed = Extract<Login, { secondFactor: unknown[] }>;
    expectTypeOf<Needed["secondFactor"][number]>().toEqualTypeOf<
      "passkey" | "recovery_code" | "totp"
    >();
  });

  it("take a body only where there is one", () => {
    expectTypeOf<Parameters<Client["me"]>>().toEqualTypeOf<[options?: { signal?: AbortSignal | undefined; timeout?: number | undefined }]>();
    expectTypeOf<Parameters<Client["logout"]>["length"]>().toEqualTypeOf<0 | 1>();
    expectTypeOf<Parameters<Client["login"]>["length"]>().toEqualTypeOf<1 | 2>();
    expectTypeOf<Parameters<Client["logoutOthers"]>["length"]>().toEqualTypeOf<0 | 1 | 2>();
  });

  it("of a link take what its endpoint does, without the link", () => {
    type Reset = Parameters<ReturnType<Client["link"]>["submit"]>;
    expectTypeOf<Reset["length"]>().toEqualTypeOf<0 | 1 | 2>();
  });

  it("are those of a project that generates its own", () => {
    interface Own {
      me: {
        responses: {
          200: { content: { "application/json": { user: { nick: string } | null; csrf: string } } };
          429: { content: { "application/json": { error: "throttled" } } };
        };
      };
    }
    expectTypeOf<UserOf<Own>>().toEqualTypeOf<{ nick: string }>();
    expectTypeOf<Client<Own>["getUser"]>().returns.toEqualTypeOf<{ nick: string } | null | undefined>();
    expectTypeOf<ErrorCode<Own, "me">>().toEqualTypeOf<"throttled">();
    // What its schema does not have cannot be called with a body.
    expectTypeOf<Body<Own, "register">>().toBeNever();
  });
});
