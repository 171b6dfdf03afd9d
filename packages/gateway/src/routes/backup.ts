/** `GET /api/v1/backup`: the rows of this node's store, for `pulsemesh backup`. Keys are no rows, so none goes over HTTP. */
import { Readable } from "node:stream";
import type { GatewayContext } from "../context.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../route.ts";

/** Whoever takes nothing for so long is hung up on: while a backup is open its moment of the store is kept, and nobody else gets one. */
export const BACKUP_STALL_MS: number = 60_000;

/** Hands the portions on, and calls `stalled` when the next one is not asked for within {@link BACKUP_STALL_MS}. */
export async function* untilStalled(
  portions: AsyncIterable<Uint8Array>,
  stalled: () => void,
): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const portion of portions) {
      timer = setTimeout(stalled, BACKUP_STALL_MS);
      yield portion;
      clearTimeout(timer);
    }
  } finally {
    clearTimeout(timer);
  }
}

export function backupRoutes({ node, logger }: GatewayContext): readonly Route[] {
  let running: object | undefined;
  async function* rows(over: () => void, stalled: () => void): AsyncGenerator<Uint8Array> {
    try {
      yield* untilStalled(node.storedRows(), stalled);
    } catch (error) {
      // The answer has begun: it breaks off, and its reader misses the end.
      logger?.error({ err: error }, "backup failed");
      throw error;
    } finally {
      over();
    }
  }
  return [
    {
      methods: ["GET"],
      path: "/api/v1/backup",
      operation: "backup",
      summary: "Everything in this node's store at one moment, as `pulsemesh backup` takes it",
      // It is all that the node knows, and dear: no page of another site may ask for it.
      writes: true,
      operates: true,
      endless: true,
      responses: {
        200: {
          description: "Rows, with an end that says whether they are all (SPEC, BK4)",
          type: "application/octet-stream",
        },
      },
      errors: ["backup-running"],
      handle: (_request, reply) => {
        if (running !== undefined)
          throw new HttpProblem("backup-running", "A backup of this node is under way already.");
        const mine = {};
        running = mine;
        const over = (): void => {
          if (running === mine) running = undefined;
        };
        const stalled = (): void => {
          stream.destroy(new Error("nobody takes the backup"));
        };
        const stream: Readable = Readable.from(rows(over, stalled), { objectMode: false });
        // One that is hung up on before its first byte was asked for never begins.
        stream.once("close", over);
        return reply.type("application/octet-stream").send(stream);
      },
    },
  ];
}
