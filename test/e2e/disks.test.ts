/** Lost, copied and restored disks, with real processes (rules PU3, CH1, BK1). */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort, NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const NAMES = ["x", "y", "z"] as const;

async function fleetOfThree(): Promise<ProcessFleet> {
  const fleet = new ProcessFleet();
  await fleet.start(NAMES.map((name) => ({ name, region: "eu" })));
  await fleet.allSee(NAMES, "up", 20_000);
  return fleet;
}

/** A second process of the node `name`, on a copy of its data folder as it is now. */
async function startCopy(fleet: ProcessFleet, name: string): Promise<NodeProcess> {
  const original = fleet.node(name);
  const dataDir = join(fleet.dir, `${name}-copy`);
  mkdirSync(dataDir, { mode: 0o700 });
  cpSync(original.options.dataDir, dataDir, { recursive: true });
  const copy = new NodeProcess({
    ...original.options,
    dataDir,
    meshPort: await freePort(),
    httpPort: await freePort(),
    join: [],
  });
  fleet.nodes.push(copy);
  return copy.start();
}

async function knowsTwin(node: NodeProcess): Promise<boolean> {
  const { self } = (await node.json("/api/v1/peers")) as unknown as {
    readonly self: { readonly twin?: object };
  };
  return self.twin !== undefined;
}

async function auditKinds(node: NodeProcess): Promise<readonly string[]> {
  const { entries } = (await node.json("/api/v1/audit?limit=1000")) as unknown as {
    readonly entries: readonly { readonly kind: string }[];
  };
  return entries.map(({ kind }) => kind);
}

async function peerReason(at: NodeProcess, of: string): Promise<string> {
  const { peers } = (await at.json("/api/v1/peers")) as unknown as {
    readonly peers: readonly {
      readonly name: string;
      readonly status: string;
      readonly reason: string | null;
    }[];
  };
  const peer = peers.find(({ name }) => name === of);
  return `${peer?.status} ${peer?.reason}`;
}

async function metric(node: NodeProcess, name: string): Promise<string | undefined> {
  return new RegExp(`^pulsemesh_${name} (.+)$`, "m").exec((await node.get("/metrics")).text)?.[1];
}

test("BK1 BK3 P5 a copied disk that runs twice is reported on both within 5 s, neither acknowledges anything, and whoever is left has what both acknowledged", async () => {
  await using fleet = await fleetOfThree();
  const [x, y, z] = [fleet.node("x"), fleet.node("y"), fleet.node("z")];
  expect((await x.beat("before-the-copy")).status).toBe(200);
  const copy = await startCopy(fleet, "x");
  const tookMs = await waitFor(
    "both to know",
    20_000,
    async () => (await knowsTwin(x)) && (await knowsTwin(copy)),
  );
  expect(tookMs).toBeLessThanOrEqual(5_000);
  for (const node of [x, copy]) {
    const answer = await node.beat("while-there-are-two");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({ code: "twin" });
    expect(await metric(node, "twin")).toBe("1");
    expect(await auditKinds(node)).toContain("twin");
    expect(node.output).toContain("another process runs under this node's key");
  }
  for (const at of [y, z])
    await waitFor(
      "the others to say so",
      10_000,
      async () => (await peerReason(at, "x")) === "unknown twin",
    );

  await copy.end("SIGTERM");
  await waitFor("the original to work on", 30_000, async () => !(await knowsTwin(x)));
  await waitFor(
    "a beat to be taken",
    10_000,
    async () => (await x.beat("afterwards")).status === 200,
  );
  await fleet.allSee(NAMES, "up", 20_000);
  expect(await auditKinds(x)).toContain("twin-over");
  expect(await metric(x, "twin")).toBe("0");
  await waitFor("one document", 20_000, async () => new Set(await fleet.hashes(NAMES)).size === 1);
}, 60_000);
