/** Where the backend includes `ai_kit_auth.urls`, for the server and for the browser. */
export const AUTH_API = process.env.NEXT_PUBLIC_AUTH_API ?? "http://localhost:8000/api/v1/auth/";
