/** Real nodes in this process: real disks, real sockets on loopback. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, CoreEvent } from "@pulsemesh/core";
import { createNode, type NodeOptions, type PulsemeshNode } from "@pulsemesh/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../support/until.ts";

const beat: Command = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" };

let dir: string;
let nodes: PulsemeshNode[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-node-"));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  rmSync(dir, { recursive: true, force: true });
});

async function start(name: string, options: Partial<NodeOptions> = {}): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    profile: "local",
    ...options,
  });
  nodes.push(node);
  return node;
}

describe("createNode", () => {
  test("P5 keeps who it is, which fleet it is of, its robots and its history over a restart, under a new boot", async () => {
    const first = await start("a");
    expect(first.ready()).toBe(true);
    expect(await first.command(beat)).toMatchObject({ ok: true, created: true });
    await first.command({ type: "patch-state", robot: "bot", patch: { task: { step: 1 } } });
    const { boot } = first.fleetView().self;
    const audit = await first.auditVerify();
    await first.stop();
    const second = await start("a");
    expect([second.id, second.fleet]).toEqual([first.id, first.fleet]);
    expect(second.fleetView().self.boot).toBeGreaterThan(boot);
    expect(second.robot("bot")).toMatchObject({ beats: 1, state: { task: { step: 1 } } });
    const later = await second.auditVerify();
    expect(later.ok).toBe(true);
    expect(later.size).toBeGreaterThanOrEqual(audit.size);
  });

  test("P5 everything in the data directory is its owner's alone", async () => {
    await start("a");
    const at = join(dir, "a");
    expect(statSync(at).mode & 0o777).toBe(0o700);
    for (const file of ["node.key", "fleet.json", "issuer.key", "root/fleet-root.key"]) {
      expect(statSync(join(at, file)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(at, "root")).mode & 0o777).toBe(0o700);
  });

  test("P5 a second node on one data directory is refused, names the holder, and leaves it alone", async () => {
    const first = await start("a");
    const error = await start("a").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "store-locked" });
    expect((error as Error).message).toContain(String(process.pid));
    expect(await first.command(beat)).toMatchObject({ ok: true });
  });

  test("P8 a port that is taken is an error that leaves nothing open", async () => {
    const first = await start("a");
    const taken = first.addresses()[0]!.replace(/\/p2p\/.*/, "");
    await expect(start("b", { listen: [taken] })).rejects.toMatchObject({ code: "address-in-use" });
    await start("b");
  });

  test("ME1 joining pins the fleet; alone it is ready at once, joining it is ready when it has met a member", async () => {
    const first = await start("a", { open: true });
    const second = await start("b", { join: first.addresses() });
    expect(second.fleet).toBe(first.fleet);
    for (const key of ["root", "fleet-root.key", "issuer.key"])
      expect(readdirSync(join(dir, "b"))).not.toContain(key);
    await until("the joiner is ready", () => second.ready());
    await first.stop();
    await second.stop();
    const again = await start("b", { join: first.addresses() });
    expect(again.fleet).toBe(first.fleet);
    expect(again.ready()).toBe(true);
  });

  test("ME1 a pinned directory stays in its fleet whatever it is told to join: refused, counted, and said once", async () => {
    const warnings: string[] = [];
    const ignore = (): void => undefined;
    const logger = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (_fields: object, message: string) => void warnings.push(message),
    };
    const first = await start("a", { logger });
    await (await start("b")).stop();
    const second = await start("b", { join: first.addresses(), logger });
    const refused = () =>
      [first, second].flatMap((node) =>
        node
          .metrics()
          .flatMap((metric) => metric.samples)
          .filter((sample) => sample.labels["reason"] === "foreign-fleet"),
      );
    await until("it is refused and counted", () => refused().length > 0);
    expect(second.fleet).not.toBe(first.fleet);
    expect(second.fleetView().roster).toBe(1);
    expect(warnings.join()).toContain("another fleet");
  });

  test("P8 whoever waits for a member that never answers can give up, and nothing stays open", async () => {
    const abort = new AbortController();
    const nobody = `/ip4/127.0.0.1/tcp/1/p2p/${(await start("a")).id}`;
    const joining = start("b", { join: [nobody], signal: abort.signal });
    abort.abort();
    await expect(joining).rejects.toMatchObject({ code: "join-failed" });
    await start("b");
  });

  test("P1 what one node takes every node shows, and events tell of it", async () => {
    const first = await start("a", { open: true });
    const second = await start("b", { join: first.addresses() });
    const seen: CoreEvent["type"][] = [];
    const abort = new AbortController();
    const reading = (async () => {
      for await (const event of second.events({ signal: abort.signal })) {
        if (event.type !== "lost") seen.push(event.type);
      }
    })();
    await until("the first node runs", () => first.ready());
    await first.command(beat);
    await first.command({ type: "patch-state", robot: "bot", patch: { status: "scanning" } });
    await until("the state is there", () => second.robot("bot")?.state["status"] === "scanning");
    await until("it is up", () => second.robot("bot")?.status === "up");
    expect(second.fleetView().documentHash).toBe(first.fleetView().documentHash);
    abort.abort();
    await reading;
    expect(seen).toContain("robot-state");
    expect(seen).toContain("robot-status");
  });

  test("VE9 a planned stop is told to the others, takes a second at most, and is idempotent", async () => {
    const first = await start("a", { open: true });
    const second = await start("b", { join: first.addresses() });
    const statusOf = () => second.fleetView().nodes.find((node) => node.node === first.id)?.status;
    await until("they see each other", () => statusOf() === "up");
    const startedMs = performance.now();
    await Promise.all([first.stop(), first.stop()]);
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    expect(first.ready()).toBe(false);
    await until("it is paused", () => statusOf() === "paused");
    await expect(first.command(beat)).rejects.toMatchObject({ code: "stopped" });
    const metrics = second.metrics();
    expect(metrics.map((metric) => metric.name)).toContain("commits_total");
  });
});
