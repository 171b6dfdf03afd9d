import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, constants, loadavg, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createFleetAuthority, createNode, type PulsemeshNode } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { until } from "../support/until.ts";
import type { FloodOrder } from "./gossip-flood-main.ts";

/** Statements of one peer that core looks at in a second, `STATEMENTS_PER_SECOND_MAX`. */
const LOOKED_AT_PER_SECOND = 50;
const FLOODERS = 5;
const TIMES = 50;
const FLOOD_MS = 12_000;
const SAMPLE_MS = 20;

test("P6, SG4, ME1 while five members flood gossip at 50 times what is looked at, no pulse of an honest one is lost, nobody is called down, and a revocation is heard at once", async () => {
  const isQuiet = (loadavg()[0] ?? 0) < availableParallelism() / 2;
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-flood-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const nowS = Date.now() / 1_000;
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS,
  });
  const start = async (name: string, invite?: string): Promise<PulsemeshNode> => {
    const node = await createNode({
      dataDir: join(dir, name),
      name,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      profile: "lan",
      invite,
    });
    stack.defer(() => node.stop());
    return node;
  };
  const issuer = await start("issuer");
  const invite = (): Promise<string> =>
    issuer.issuer?.invite({ roles: ["robot"], robots: ["*"], ttlMs: 600_000 }) ??
    Promise.reject(new Error("no issuer"));
  for (let i = 0; i < FLOODERS; i++) await (await start(`evil-${i}`, await invite())).stop();
  const honest = [issuer, await start("b", await invite()), await start("c", await invite())];
  const see = (at: PulsemeshNode, of: PulsemeshNode) =>
    at.fleetView().nodes.find(({ node }) => node === of.id);
  const pairs = honest.flatMap((at) => honest.filter((of) => of !== at).map((of) => ({ at, of })));
  await until("all are up", () => pairs.every(({ at, of }) => see(at, of)?.status === "up"));

  const sent = new Map<number, number>();
  for (let i = 0; i < FLOODERS; i++) {
    const child = fork(join(import.meta.dirname, "gossip-flood-main.ts"));
    stack.defer(async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    });
    // The flood comes from other machines: what signs it must not take the time of the nodes that are tried.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    child.on("message", (said: { readonly sent: number }) => void sent.set(i, said.sent));
    const order: FloodOrder = {
      dir: join(dir, `evil-${i}`),
      fleet: issuer.fleet,
      join: honest.flatMap((node) => node.addresses()),
      perSecond: TIMES * LOOKED_AT_PER_SECOND,
    };
    child.send(order);
  }
  await until("all flood", () => sent.size === FLOODERS);

  const gaps: number[] = [];
  const seen = new Set<string | undefined>();
  let lost = 0;
  const last = new Map(pairs.map((pair) => [pair, { seq: -1, atMs: performance.now() }]));
  const endMs = performance.now() + FLOOD_MS;
  while (performance.now() < endMs) {
    for (const pair of pairs) {
      const { lastPulse, pulseEveryMs = 1_000, status } = see(pair.at, pair.of) ?? {};
      seen.add(status);
      const before = last.get(pair);
      if (lastPulse === undefined || before === undefined || lastPulse.seq === before.seq) continue;
      if (before.seq >= 0) lost += lastPulse.seq - before.seq - 1;
      if (before.seq >= 0) gaps.push((performance.now() - before.atMs) / pulseEveryMs);
      last.set(pair, { seq: lastPulse.seq, atMs: performance.now() });
    }
    await sleep(SAMPLE_MS);
  }
  const sorted = gaps.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  const perSecond = [...sent.values()].reduce((sum, count) => sum + count, 0) / (FLOOD_MS / 1_000);
  console.log(
    `flood: ${Math.round(perSecond)} messages a second, gap p99 ${p99.toFixed(2)} intervals`,
  );
  expect(gaps.length).toBeGreaterThan(30);
  expect(lost).toBe(0);
  expect([...seen]).not.toContain("down");
  // Eight processes on a machine that is busy with something else as well show nothing of how long each waits for its turn.
  if (isQuiet) expect(p99).toBeLessThan(2);

  const victim = honest[2] as PulsemeshNode;
  const sinceMs = performance.now();
  await issuer.issuer?.revoke(victim.id, "stolen");
  const b = honest[1] as PulsemeshNode;
  await until("it is heard", () => b.authorityView().revocations.length === 1, 2_000);
  console.log(`revocation heard after ${Math.round(performance.now() - sinceMs)} ms`);
}, 120_000);
