/** A server that answers what a test says, and keeps what it was asked. */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface Answered {
  status?: number;
  /** A string is sent as it is, the rest as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Milliseconds. */
  delay?: number;
}

type Reply = Answered | ((asked: Asked) => Answered);

export class Backend {
  readonly asked: Asked[] = [];
  /** How many requests were under way at once, at most. */
  most = 0;
  #running = 0;
  readonly #replies = new Map<string, Reply[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      this.#running += 1;
      this.most = Math.max(this.most, this.#running);
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const asked: Asked = {
          method: request.method ?? "",
          path: (request.url ?? "").replace("/auth/", ""),
          headers: request.headers,
          body: text ? JSON.parse(text) : undefined,
        };
        this.asked.push(asked);
        const { status = 200, body = {}, headers = {}, delay = 0 } = this.#reply(asked);
        setTimeout(() => {
          this.#running -= 1;
          response.writeHead(status, { "Content-Type": "application/json", ...headers });
          response.end(status === 204 ? "" : typeof body === "string" ? body : JSON.stringify(body));
        }, delay);
      });
    });
  }

  #reply(asked: Asked): Answered {
    const replies = this.#replies.get(`${asked.method} ${asked.path}`) ?? [];
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    if (typeof reply === "function") return reply(asked);
    if (reply) return reply;
    // A session without a user, and a new token each time.
    return asked.path === "me/" ? { body: { user: null, csrf: `me-${this.asked.length}` } } : {};
  }

  /** Answer these requests, such as "POST login/", with one after another, the last for good. */
  answers(request: string, ...replies: Reply[]): void {
    this.#replies.set(request, replies);
  }

  /** "GET me/", "POST login/", … in the order in which they came. */
  get requests(): string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }

  /** The last request. */
  get last(): Asked {
    const last = this.asked.at(-1);
    if (!last) throw new Error("Nothing was asked.");
    return last;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/auth/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const ADA = { id: 1, username: "ada", email: "ada@example.com" };
