/** Lost, copied and restored disks, with real processes (rules PU3, CH1, BK1). */
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

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

async function selfOf(node: NodeProcess): Promise<{
  readonly id: string;
  readonly boot: number;
  readonly twin?: object;
}> {
  const { self } = (await node.json("/api/v1/peers")) as unknown as {
    readonly self: Awaited<ReturnType<typeof selfOf>>;
  };
  return self;
}

async function knowsTwin(node: NodeProcess): Promise<boolean> {
  return (await selfOf(node)).twin !== undefined;
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
  // What either acknowledges before it knows is kept.
  const early = await Promise.all([x.beat("early-at-x"), copy.beat("early-at-the-copy")]);
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
  const acknowledged = ["early-at-x", "early-at-the-copy"].filter(
    (_, i) => early[i]?.status === 200,
  );
  const { robots } = (await y.json("/api/v1/robots")) as unknown as {
    readonly robots: readonly { readonly robot_id: string }[];
  };
  expect(robots.map(({ robot_id: id }) => id)).toEqual(expect.arrayContaining(acknowledged));
}, 60_000);

test("BK4 BK5 PU3 CH1 P5 a node restored from a backup that was taken while it ran gets back what it acknowledged later", async () => {
  await using fleet = await fleetOfThree();
  const [x, y] = [fleet.node("x"), fleet.node("y")];
  expect((await x.beat("before-the-backup")).status).toBe(200);
  expect((await x.patch("before-the-backup", { n: 1 })).status).toBe(200);
  const file = join(fleet.dir, "x.tar");
  const taken = await runCli(["backup", file, "--data", x.options.dataDir, "--url", urlOf(x)]);
  expect(taken).toMatchObject({ code: 0, err: expect.stringContaining("private key") });
  const wrong = await runCli(["backup", file, "--data", x.options.dataDir, "--url", urlOf(y)]);
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("Cannot back up") });
  expect(await runCli(["backup", "verify", file])).toMatchObject({ code: 0 });
  expect((await x.beat("after-the-backup")).status).toBe(200);
  expect((await x.patch("before-the-backup", { n: 2 })).status).toBe(200);
  await waitFor(
    "the others to know",
    10_000,
    async () => new Set(await fleet.hashes(NAMES)).size === 1,
  );
  const { boot } = await selfOf(x);

  await x.end("SIGKILL");
  rmSync(x.options.dataDir, { recursive: true });
  const restored = await runCli(["restore", file, "--data", x.options.dataDir]);
  expect(restored).toMatchObject({
    code: 0,
    err: expect.stringContaining("must not run any more"),
  });
  await x.start();
  await waitFor("what came later", 20_000, async () => {
    const answer = await x.get("/api/v1/robots/before-the-backup/state");
    const later = await x.get("/api/v1/robots/after-the-backup");
    return later.status === 200 && answer.text.includes('"n":2');
  });
  expect((await selfOf(x)).boot).toBeGreaterThan(boot);
  expect(await metric(x, "twin")).toBe("0");
  expect(await auditKinds(x)).toContain("own-entry-returned");
  expect(await auditKinds(x)).not.toContain("twin");
  expect((await y.get("/metrics")).text).toMatch(/pulsemesh_events_total\{type="rollback"\} [1-9]/);
  await fleet.allSee(NAMES, "up", 20_000);
  await waitFor("one document", 20_000, async () => new Set(await fleet.hashes(NAMES)).size === 1);
}, 60_000);

test("PU3 CH1 P5 a node whose store is lost comes back by its key with all that its peers hold; without its key it is a new member", async () => {
  await using fleet = await fleetOfThree();
  const lost = fleet.node("z");
  expect((await lost.beat("survivor")).status).toBe(200);
  await waitFor(
    "the others to know",
    10_000,
    async () => new Set(await fleet.hashes(NAMES)).size === 1,
  );
  const { id, boot } = await selfOf(lost);
  await lost.end("SIGKILL");
  rmSync(join(lost.options.dataDir, "store"), { recursive: true });
  await lost.start();
  await waitFor(
    "its robot",
    20_000,
    async () => (await lost.get("/api/v1/robots/survivor")).status === 200,
  );
  expect((await selfOf(lost)).boot).toBeGreaterThan(boot);
  expect(await metric(lost, "twin")).toBe("0");
  await fleet.allSee(NAMES, "up", 20_000);

  await lost.end("SIGKILL");
  rmSync(lost.options.dataDir, { recursive: true });
  const fresh = new NodeProcess({ ...lost.options, join: [await fleet.node("x").joinAddress()] });
  fleet.nodes.push(fresh);
  await fresh.start();
  expect((await selfOf(fresh)).id).not.toBe(id);
  await waitFor(
    "its robot",
    20_000,
    async () => (await fresh.get("/api/v1/robots/survivor")).status === 200,
  );
  expect((await fresh.beat("afresh")).status).toBe(200);
}, 60_000);

test.each(["SIGINT", "SIGTERM"] as const)(
  "BK4 a backup that is interrupted by %s leaves no file with keys behind",
  async (signal) => {
    await using fleet = new ProcessFleet();
    await fleet.start([{ name: "x", region: "eu" }]);
    const x = fleet.node("x");
    const slow = await startSlowNode(await x.json("/api/v1/peers"));
    await x.end("SIGTERM");
    const dir = join(fleet.dir, "backups");
    mkdirSync(dir);
    const args = ["--data", x.options.dataDir, "--url", slow.url];
    await using backup = new CliProcess(["backup", join(dir, "x.tar"), ...args]);
    await backup.until("a draft", 20_000, () => readdirSync(dir).length > 0);
    backup.kill(signal);
    expect((await backup.ended).code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(readdirSync(dir)).toEqual([]);
    slow.server.closeAllConnections();
    slow.server.close();
  },
  60_000,
);

/** Answers as the node does that said `peers`, but never comes to the end of its rows. */
async function startSlowNode(
  peers: unknown,
): Promise<{ readonly url: string; readonly server: Server }> {
  const port = await freePort();
  const server = createServer((request, response) => {
    if (request.url === "/api/v1/backup") response.write(new Uint8Array(4));
    else response.setHeader("content-type", "application/json").end(JSON.stringify(peers));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${port}`, server };
}

function urlOf(node: NodeProcess): string {
  return `http://127.0.0.1:${node.options.httpPort}`;
}
