/** `GET /api/v1/backup`: the rows of this node's store, for `pulsemesh backup`. Keys are no rows, so none goes over HTTP. */
import { Readable } from "node:stream";
import type { GatewayContext } from "../context.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../route.ts";

export function backupRoutes({ node, logger }: GatewayContext): readonly Route[] {
  let running: object | undefined;
  async function* rows(over: () => void): AsyncGenerator<Uint8Array> {
    try {
      yield* node.storedRows();
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
        const stream = Readable.from(rows(over), { objectMode: false });
        // One that is hung up on before its first byte was asked for never begins.
        stream.once("close", over);
        return reply.type("application/octet-stream").send(stream);
      },
    },
  ];
}
