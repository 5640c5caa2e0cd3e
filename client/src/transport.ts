/** One HTTP request and its answer: JSON, a timeout, an abort, `Retry-After`. */

export type TransportCode = "aborted" | "network_error" | "timeout" | "unexpected_answer";

/** `failure` says why there is no `body` to read. */
export interface Answer {
  status: number;
  body: unknown;
  failure?: TransportCode;
  retryAfter?: number;
}

/** The parts of the standard `fetch` that the client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Patience {
  signal?: AbortSignal | undefined;
  /** Milliseconds for the request and its body; 0 waits for ever. */
  timeout: number;
}

export async function send(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  { signal, timeout }: Patience,
): Promise<Answer> {
  // AbortSignal.any() and .timeout() are not in every runtime, such as React Native.
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  const clock = { isOver: false as boolean };
  const timer = timeout
    ? setTimeout(() => {
        clock.isOver = true;
        abort();
      }, timeout)
    : undefined;
  let status = 0;
  try {
    const response = await fetch(url, { ...init, signal: controller.signal });
    status = response.status;
    const retryAfter = seconds(response.headers.get("Retry-After"));
    // 204 has no body.
    const body: unknown = status === 204 ? {} : await response.json();
    const answer: Answer = { status, body };
    if (retryAfter !== undefined) answer.retryAfter = retryAfter;
    // A proxy may answer with JSON that is no answer of the API.
    return typeof body === "object" && body ? answer : failed(status, "unexpected_answer");
  } catch {
    if (clock.isOver) return failed(0, "timeout");
    if (signal?.aborted) return failed(0, "aborted");
    return status ? failed(status, "unexpected_answer") : failed(0, "network_error");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

export function failed(status: number, failure: TransportCode): Answer {
  return { status, body: {}, failure };
}

/** Seconds of a `Retry-After`: a number, or a date (RFC 9110, section 10.2.3). */
function seconds(header: string | null): number | undefined {
  if (!header) return undefined;
  const wait = /^\d+$/.test(header)
    ? Number(header)
    : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
