/** django-ai-kit-auth: accounts of a Django backend, for the pages of another origin. */

export {
  type Client,
  type ClientOptions,
  createClient,
  type Factors,
  type LinkAction,
  type LinkStatus,
  type PasskeyLogin,
  type Passkeys,
  type Sessions,
} from "./client.js";
export { type OperationId } from "./endpoints.js";
export { forgetLink, type Link, takeLink } from "./links.js";
export type { Fetch } from "./transport.js";
export type {
  Body,
  Call,
  CallOptions,
  ClientCode,
  Data,
  ErrorCode,
  Failure,
  FieldErrors,
  Method,
  operations,
  Params,
  Proof,
  Purpose,
  Reauthentication,
  Refusal,
  Result,
  SecondFactorNeeded,
  Success,
  UserOf,
} from "./types.js";
