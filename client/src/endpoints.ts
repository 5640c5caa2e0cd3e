/**
 * The operations of the API: method, path below the base URL, and what the client has to
 * know before it sends one.
 *
 * - `public`: needs no CSRF token, so none is fetched for it.
 * - `shared`: leaves the session as it is, so it may run beside others.
 * - `bare`: takes no body.
 * - `proof`: may ask for re-authentication, and takes `password` in its body.
 */
export const ENDPOINTS = {
  me: ["GET", "me/", "shared"],
  update_me: ["PATCH", "me/"],
  login: ["POST", "login/"],
  logout: ["POST", "logout/", "bare"],
  register: ["POST", "register/", "public"],
  activate_email: ["POST", "activate_email/", "public"],
  activate_passkey_options: ["POST", "activate_email/passkey_options/", "public"],
  resend_activation_email: ["POST", "resend_activation_email/", "public"],
  send_pw_reset_email: ["POST", "send_pw_reset_email/", "public"],
  reset_password: ["POST", "reset_password/", "public"],
  validate_password: ["POST", "validate_password/", "public shared"],
  link_status: ["POST", "link_status/", "public shared"],
  confirm_email: ["POST", "confirm_email/", "public"],
  confirm_password: ["POST", "confirm_password/"],
  change_email: ["POST", "change_email/", "proof"],
  change_password: ["POST", "change_password/", "proof"],
  delete_account: ["POST", "delete_account/", "proof"],
  logout_others: ["POST", "logout_others/", "proof"],
  second_factor_methods: ["GET", "second_factor/", "shared"],
  second_factor: ["POST", "second_factor/"],
  second_factor_passkey_options: ["POST", "second_factor/passkey_options/", "bare"],
  passkey_login_options: ["POST", "passkey_login/options/", "bare"],
  passkey_login: ["POST", "passkey_login/"],
  factors: ["GET", "factors/", "shared"],
  enrol_totp: ["POST", "factors/totp/", "proof"],
  confirm_totp: ["POST", "factors/totp/confirm/", "proof"],
  remove_totp: ["DELETE", "factors/totp/", "proof"],
  renew_recovery_codes: ["POST", "factors/recovery_codes/", "proof"],
  passkey_options: ["POST", "factors/passkeys/options/", "proof"],
  add_passkey: ["POST", "factors/passkeys/", "proof"],
  rename_passkey: ["PATCH", "factors/passkeys/{id}/", "proof"],
  remove_passkey: ["DELETE", "factors/passkeys/{id}/", "proof"],
  sessions: ["GET", "sessions/", "shared"],
  end_sessions: ["DELETE", "sessions/", "proof"],
  name_session: ["PATCH", "sessions/{id}/"],
  end_session: ["DELETE", "sessions/{id}/", "proof"],
  not_me: ["POST", "sessions/not_me/", "public"],
} as const satisfies Record<string, readonly [method: string, path: string, traits?: string]>;

/** The `operationId` of an operation in the backend's OpenAPI schema. */
export type OperationId = keyof typeof ENDPOINTS;
