/** Follows one node's events with a time stamp of arrival, over a stream of its own. */
import { request, type ClientRequest } from "node:http";
import type { NodeProcess } from "../../test/support/node-process.ts";

export interface TappedEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

export class EventTap {
  readonly #outgoing: ClientRequest;
  #events: TappedEvent[] = [];
  #text = "";

  constructor(node: NodeProcess) {
    const { httpPort, namespace } = node.options;
    const target =
      namespace === undefined
        ? { host: "127.0.0.1", port: httpPort }
        : { socketPath: namespace.socketPath };
    const headers = { host: `127.0.0.1:${httpPort}`, accept: "text/event-stream" };
    this.#outgoing = request({ ...target, path: "/api/v1/events", headers }, (incoming) => {
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => this.#read(chunk));
      incoming.on("error", () => {});
    });
    this.#outgoing.on("error", () => {});
    this.#outgoing.end();
  }

  /** The first event since `sinceMs` that passes `isIt`. */
  find(sinceMs: number, isIt: (event: TappedEvent) => boolean): TappedEvent | undefined {
    return this.#events.find((event) => event.atMs >= sinceMs && isIt(event));
  }

  all(sinceMs: number, isIt: (event: TappedEvent) => boolean): readonly TappedEvent[] {
    return this.#events.filter((event) => event.atMs >= sinceMs && isIt(event));
  }

  clear(): void {
    this.#events = [];
  }

  close(): void {
    this.#outgoing.destroy();
  }

  #read(chunk: string): void {
    const atMs = performance.now();
    this.#text += chunk;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) {
      const line = block.split("\n").find((each) => each.startsWith("data:"));
      if (line === undefined) continue;
      const event = JSON.parse(line.slice(5)) as {
        readonly type: string;
        readonly data: Record<string, unknown>;
      };
      this.#events.push({ type: event.type.replace(/^pulsemesh\./, ""), data: event.data, atMs });
    }
  }
}
