/**
 * The types of the calls, derived from the `operations` that openapi-typescript writes.
 *
 * `Ops` is that type everywhere. A project whose user model or serializers differ generates
 * its own and says so: `createClient<operations>(…)`.
 */

import type { OperationId } from "./endpoints.js";
import type { operations } from "./schema.js";

/** The types of the backend as this package ships it: all endpoints, Django's user model. */
export type { operations };

/** What the client itself says about a call that got no answer, or one that it cannot read. */
export type ClientCode =
  | "aborted"
  | "network_error"
  | "passkey_cancelled"
  | "passkey_exists"
  | "passkey_not_here"
  | "passkey_not_supported"
  | "timeout"
  | "unexpected_answer";

type Responses<Ops, Id> = Id extends keyof Ops
  ? Ops[Id] extends { responses: infer R }
    ? R
    : never
  : never;

type Json<Response> = Response extends { content: { "application/json": infer Body } }
  ? Body
  : Record<string, never>;

type Successful = 200 | 201 | 204;

type BodyAt<R, Status extends keyof R> = { [S in Status]: Json<R[S]> }[Status];

type ErrorBody<Ops, Id> = BodyAt<
  Responses<Ops, Id>,
  Exclude<keyof Responses<Ops, Id>, Successful>
>;

/** The JSON that an operation answers with when it is done. */
export type Data<Ops, Id> = BodyAt<
  Responses<Ops, Id>,
  Extract<keyof Responses<Ops, Id>, Successful>
>;

/** The JSON that an operation takes. */
export type Body<Ops, Id> = Id extends keyof Ops
  ? Ops[Id] extends { requestBody?: infer Request }
    ? Content<NonNullable<Request>>
    : never
  : never;

// One parameter: never, for an operation without a body, then stays never.
type Content<Request> = Request extends { content: { "application/json": infer Body } }
  ? Body
  : never;

/** The codes of an operation that are about the whole request. */
export type ErrorCode<Ops, Id> =
  ErrorBody<Ops, Id> extends infer Each
    ? Each extends { error: infer Code }
      ? Code
      : never
    : never;

/** The codes of an operation by field; `non_field_errors` are about the form. */
export type FieldErrors<Ops, Id> =
  ErrorBody<Ops, Id> extends infer Each
    ? Each extends { error: unknown }
      ? never
      : { [Field in keyof Each as Exclude<Field, "params">]?: Exclude<Each[Field], undefined> }
    : never;

/** The account of the session, as `me/` has it. */
export type UserOf<Ops> =
  Data<Ops, "me"> extends { user: infer User } ? Exclude<User, null> : never;

/** A way to prove a second factor. */
export type Method<Ops> =
  Data<Ops, "second_factor_methods"> extends { methods: (infer Name)[] } ? Name : never;

/** What a sentence for a code may name, by the field or `error`, and by the code. */
export type Params = Record<string, Record<string, Record<string, number | boolean | string>>>;

export interface Success<D> {
  ok: true;
  status: number;
  data: D;
}

/**
 * A call that did not do what it should. Nothing throws.
 *
 * `status`: of HTTP, 0 without an answer. `error`: the code about the whole request.
 * `errors`: the codes by field. `params`: what the backend says beside the codes with its
 * setting ERROR_PARAMS. `retryAfter`: seconds to wait before another attempt.
 */
export interface Failure<Code = string, Errors = Partial<Record<string, string[]>>> {
  ok: false;
  status: number;
  error?: Code | ClientCode;
  errors: Errors;
  params: Params;
  retryAfter?: number;
  /** Only a login may have it, see `SecondFactorNeeded`. */
  secondFactor?: undefined;
}

/** What a call comes to: `if (result.ok)` tells the two apart. */
export type Result<Ops, Id> = Id extends unknown
  ? Success<Data<Ops, Id>> | Refusal<Ops, Id>
  : never;

/** The failure of an operation. */
export type Refusal<Ops, Id> = Id extends unknown
  ? Failure<
      ErrorCode<Ops, Id>,
      [FieldErrors<Ops, Id>] extends [never] ? NoErrors : FieldErrors<Ops, Id>
    >
  : never;

/** An operation whose errors are all about the whole request. */
export type NoErrors = Partial<Record<string, never>>;

/** The password was right, and the login waits for `secondFactor()` by one of these. */
export interface SecondFactorNeeded<Ops> {
  ok: false;
  status: number;
  error?: undefined;
  errors: { non_field_errors: "second_factor_required"[] };
  params: Params;
  retryAfter?: undefined;
  secondFactor: Method<Ops>[];
}

export interface CallOptions {
  /** Aborts the call; the result then has the error `aborted`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until the result has the error `timeout`, instead of the client's. */
  timeout?: number | undefined;
}

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

/** The operations that are methods of the client itself. */
export type FlatId = Exclude<
  OperationId,
  | "activate_passkey_options"
  | "add_passkey"
  | "confirm_totp"
  | "end_session"
  | "end_sessions"
  | "enrol_totp"
  | "factors"
  | "login"
  | "name_session"
  | "passkey_login"
  | "passkey_login_options"
  | "passkey_options"
  | "remove_passkey"
  | "remove_totp"
  | "rename_passkey"
  | "renew_recovery_codes"
  | "second_factor_passkey_options"
  | "sessions"
>;

/** A call without a body, with one that may be left out, or with one. */
export type Call<Ops, Id> = [Body<Ops, Id>] extends [never]
  ? (options?: CallOptions) => Promise<Result<Ops, Id>>
  : object extends Body<Ops, Id>
    ? (body?: Body<Ops, Id>, options?: CallOptions) => Promise<Result<Ops, Id>>
    : (body: Body<Ops, Id>, options?: CallOptions) => Promise<Result<Ops, Id>>;

/** `logout()`, `changePassword(body)`, …: one method an operation. */
export type Calls<Ops> = { [Id in FlatId as Camel<Id>]: Call<Ops, Id> };

/** What a page may have to prove again: `password`, or nothing after `confirmPassword()`. */
export interface Proof {
  password?: string;
}

/** What `onReauthenticate` is asked for. */
export interface Reauthentication {
  /**
   * `reauthentication_required` and `second_factor_required`: call `confirmPassword()`,
   * the second one with a factor. `password_required`: the request needs the password
   * itself.
   */
  code: "reauthentication_required" | "second_factor_required" | "password_required";
  /** 1 at the first question about a call, and so on. */
  attempt: number;
}

/** The purpose of a mailed link. */
export type Purpose = "activation" | "reset_password" | "confirm_email";
