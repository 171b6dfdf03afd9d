/**
 * The base line of the beats bench: fastify and the same LevelDB group commit, one row a beat, no mesh and nothing else.
 * `node bare-beats-main.ts DIR` prints its port.
 */
import { encode } from "@ipld/dag-cbor";
import { createLevelStore } from "@pulsemesh/store-level";
import { fastify } from "fastify";

const store = createLevelStore({ dir: process.argv[2] ?? "" });
await store.open();
const app = fastify();
app.post("/heartbeat/:robot", async (request, reply) => {
  const { robot } = request.params as { readonly robot: string };
  await store.commit([{ type: "put", key: `robot/${robot}`, value: encode([robot, Date.now()]) }]);
  return reply.type("text/plain").send("OK");
});
await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
process.stdout.write(`${address !== null && typeof address === "object" ? address.port : 0}\n`);
