/** Real libp2p transports on loopback TCP, one free port per name, addresses kept in a folder of their own. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { TransportHarness } from "@pulsemesh/testkit";
import { createLibp2pTransport } from "@pulsemesh/transport-libp2p";
import { freePort } from "./free-port.ts";
import type { Libp2pTransport, Libp2pTransportOptions } from "@pulsemesh/transport-libp2p";

export const OUR_FLEET: string = "a".repeat(52);
export const OTHER_FLEET: string = "b".repeat(52);

const POLL_MS = 10;

/** A key that is the same for the same name. */
export function seedOf(name: string): Uint8Array {
  return createHash("sha256").update(`test key of ${name}`).digest();
}

/** Waits in real time. */
export async function until(
  what: string,
  condition: () => boolean,
  limitMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

export async function createLibp2pHarness(
  tuning: Libp2pTransportOptions["tuning"] = {},
): Promise<TransportHarness> {
  const folder = await mkdtemp(join(tmpdir(), "pulsemesh-transport-"));
  const ports = new Map<string, Promise<number>>();
  const nodes = new Map<string, string>();
  const created: Libp2pTransport[] = [];

  const portOf = (name: string): Promise<number> => {
    const port = ports.get(name) ?? freePort();
    ports.set(name, port);
    return port;
  };
  const nodeOf = async (name: string): Promise<string> => {
    const known = nodes.get(name);
    if (known !== undefined) return known;
    const { node } = await createLibp2pTransport({ privateKey: seedOf(name), fleet: OUR_FLEET });
    nodes.set(name, node);
    return node;
  };
  const addressOf = async (name: string): Promise<string> =>
    `/ip4/127.0.0.1/tcp/${await portOf(name)}/p2p/${await nodeOf(name)}`;

  return {
    addressOf,
    until,
    pass: (durationMs) => sleep(durationMs),
    async create(spec) {
      const transport = await createLibp2pTransport({
        privateKey: seedOf(spec.name),
        fleet: spec.fleet === "other" ? OTHER_FLEET : OUR_FLEET,
        listen: [`/ip4/127.0.0.1/tcp/${await portOf(spec.name)}`],
        join: await Promise.all((spec.join ?? []).map(addressOf)),
        addresses: join(folder, `${spec.name}.json`),
        agent: `test/${spec.name}`,
        tuning,
      });
      created.push(transport);
      return transport;
    },
    async dispose() {
      await Promise.all(created.map((transport) => transport.stop()));
      await rm(folder, { recursive: true });
    },
  };
}
