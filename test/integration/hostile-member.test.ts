/** A member with a valid grant that does on real connections what no node does: says again, elsewhere and changed, what others have signed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Topic } from "@pulsemesh/core";
import {
  AUTHORITY_FILES,
  createFleetAuthority,
  createNode,
  type PulsemeshNode,
  readStatements,
} from "@pulsemesh/node";
import { createLibp2pTransport, type Libp2pTransport } from "@pulsemesh/transport-libp2p";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../support/until.ts";

const SEED_AT = 4;
const SEED_BYTES = 32;
const EXPECTED = [
  "entry-malformed",
  "observation-malformed",
  "pulse-replayed",
  "statement-malformed",
  "sync-malformed",
];

let dir: string;
let stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-hostile-"));
});
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  stops = [];
  rmSync(dir, { recursive: true, force: true });
});

async function start(name: string, invite?: string): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    profile: "local",
    invite,
  });
  stops.push(() => node.stop());
  return node;
}

async function inviteBy(issuer: PulsemeshNode): Promise<string> {
  const terms = { roles: ["robot"], robots: ["zap-*"], ttlMs: 3_600_000 } as const;
  const invite = await issuer.issuer?.invite(terms);
  if (invite === undefined) throw new Error("no issuer");
  return invite;
}

interface Heard {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
}

/** A transport with the key and the grant of a member, and nothing of a node behind it. */
async function infiltrate(
  issuer: PulsemeshNode,
): Promise<{ readonly transport: Libp2pTransport; readonly heard: readonly Heard[] }> {
  await (await start("evil", await inviteBy(issuer))).stop();
  const file = Buffer.from(readFileSync(join(dir, "evil", "node.key"), "utf8"), "base64");
  const privateKey = new Uint8Array(file.subarray(SEED_AT, SEED_AT + SEED_BYTES));
  const transport = await createLibp2pTransport({
    privateKey,
    fleet: issuer.fleet,
    join: issuer.addresses(),
  });
  stops.push(() => transport.stop());
  const statements = readStatements(join(dir, "evil", AUTHORITY_FILES.statements)) ?? [];
  transport.present(statements.at(-1));
  const heard: Heard[] = [];
  await transport.start({
    admit: () => undefined,
    gossip: (topic, _, bytes) => {
      heard.push({ topic, bytes });
      return "ignore";
    },
    message: () => undefined,
    peerUp: () => undefined,
    peerDown: () => undefined,
    rejected: () => undefined,
  });
  return { transport, heard };
}

const reasonsAt = (node: PulsemeshNode): readonly string[] => [
  ...new Set(
    node
      .metrics()
      .flatMap(({ samples }) => samples)
      .filter(({ labels, value }) => labels["reason"] !== undefined && value > 0)
      .map(({ labels }) => labels["reason"] as string),
  ),
];

/** With another last byte, which is one of what is signed or of the signature. */
function changed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

const statusOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;

test("SG1, SG4, P3 what a member says again of others' words, on another topic, changed, late or in their place, is refused, counted, and changes nothing", async () => {
  const nowS = Date.now() / 1_000;
  const folders = { dir: join(dir, "issuer"), rootDir: join(dir, "root") };
  await createFleetAuthority({ ...folders, region: "eu", nowS });
  const issuer = await start("issuer");
  const b = await start("b", await inviteBy(issuer));
  await issuer.command({ type: "beat", robot: "zap-1", kind: "beat", create: "heartbeat" });
  const { transport, heard } = await infiltrate(issuer);
  const pulses = (): readonly Heard[] => heard.filter(({ topic }) => topic === "pulse");
  await until("it has heard pulses", () => pulses().length >= 10 && transport.peers().length === 2);
  for (const node of [issuer, b])
    await until("all is well", () =>
      [issuer, b].every((of) => of === node || statusOf(node, of) === "up"),
    );
  const hash = issuer.fleetView().documentHash;
  for (const { bytes } of pulses().slice(0, 2)) {
    for (const topic of ["verdict", "state", "authority"] as const) transport.publish(topic, bytes);
    transport.publish("pulse", changed(bytes));
    for (const node of [issuer, b]) {
      await transport.send(node.id, "direct", bytes);
      await transport.send(node.id, "sync", bytes);
    }
  }
  for (const node of [issuer, b]) {
    await until(`refusals at ${node.id}`, () =>
      EXPECTED.every((reason) => reasonsAt(node).includes(reason)),
    ).catch((error: unknown) => {
      throw new Error(`only ${reasonsAt(node).join(", ")}`, { cause: error });
    });
  }
  const endMs = performance.now() + 3_000;
  while (performance.now() < endMs) {
    expect([statusOf(issuer, b), statusOf(b, issuer)]).toEqual(["up", "up"]);
    await sleep(50);
  }
  expect([issuer, b].map((node) => node.fleetView().documentHash)).toEqual([hash, hash]);
  expect(b.robot("zap-1")?.status).toBe("up");
}, 60_000);
