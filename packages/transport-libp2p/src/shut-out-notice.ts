/** Says in the log that this node is not let in: once in a while, as it goes on asking. */
import type { NodeId } from "@pulsemesh/core";
import type { TransportLogger } from "./options.ts";

const EVERY_MS = 60_000;

export class ShutOutNotice {
  readonly #logger: TransportLogger;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(logger: TransportLogger) {
    this.#logger = logger;
  }

  say(node: NodeId, reason: string, nowMs: number): void {
    if (nowMs - this.#saidAtMs <= EVERY_MS) return;
    this.#saidAtMs = nowMs;
    this.#logger.warn({ node, reason }, "this node is not let in by a node of its fleet");
  }
}
