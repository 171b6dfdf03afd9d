/** A stand-in for a node's HTTP port: notes every request and answers what the test says. */
import { createServer, type Server } from "node:http";

export interface FakeRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly body?: string | undefined;
  readonly type?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Never answers. */
  readonly hang?: boolean | undefined;
  readonly delayMs?: number | undefined;
}

export class FakeGateway implements AsyncDisposable {
  readonly requests: FakeRequest[] = [];
  /** Requests and answers in the order of their time: `got /x`, `answered /x`. */
  readonly order: string[] = [];
  readonly #server: Server;
  url = "";

  constructor(answer: (request: FakeRequest) => FakeAnswer = () => ({ status: 200, body: "OK" })) {
    this.#server = createServer((incoming, outgoing) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("end", () => {
        const request = {
          method: incoming.method ?? "",
          url: incoming.url ?? "",
          body: Buffer.concat(parts).toString(),
        };
        this.requests.push(request);
        this.order.push(`got ${request.url}`);
        const { status, body, type, headers, hang, delayMs } = answer(request);
        if (hang === true) return;
        setTimeout(() => {
          outgoing.writeHead(status, { "content-type": type ?? "text/plain", ...headers });
          outgoing.end(body);
          this.order.push(`answered ${request.url}`);
        }, delayMs ?? 0);
      });
    });
  }

  /** `port`: 0 lets the system choose. */
  async start(port: number = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
