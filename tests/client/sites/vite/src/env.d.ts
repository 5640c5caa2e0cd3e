interface ImportMetaEnv {
  /** Where the backend includes `ai_kit_auth.urls`. */
  readonly VITE_AUTH_API: string;
}
