/** Real nodes that know each other by what their `addresses.json` says and nothing else, and a thief of the root's key (rule ME2). */
import { cpSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@pulsemesh/core";
import { type NextRoot, nextRootStatement, type PulsemeshNode } from "@pulsemesh/node";
import { createLevelStore } from "@pulsemesh/store-level";
import { afterEach, expect, test, vi } from "vitest";
import { RealNodes, refusals } from "../support/real-nodes.ts";
import { until } from "../support/until.ts";

const NAMES = ["issuer", "a", "b"] as const;

afterEach(() => {
  vi.restoreAllMocks();
});

const nowS = (): number => Date.now() / 1_000;

/** A fleet whose nodes were started anew since they were made members, so that the user named nobody to them. */
async function fleetOfThree(): Promise<RealNodes> {
  const fleet = await RealNodes.found();
  await fleet.join("a");
  await fleet.join("b");
  await fleet.allMet();
  await fleet.restart(...NAMES);
  await fleet.allMet();
  return fleet;
}

/** Makes every issuer void, and names a key that has granted nothing to anybody. */
async function forge(fleet: RealNodes): Promise<NextRoot> {
  const { issuer } = fleet;
  cpSync(fleet.path("root"), fleet.path("loot"), { recursive: true });
  rmSync(fleet.path("loot", "fleet-root-next.key"));
  const issuers = issuer.authorityView().root?.issuers ?? [];
  return nextRootStatement({
    rootDir: fleet.path("loot"),
    change: {
      voids: issuers.map(({ key }) => ({ key, kept: [] })),
      name: issuers.map((each) => ({ ...each, key: issuer.fleet })),
      charterKey: issuer.fleet,
    },
    nowS: nowS(),
  });
}

/** Times that a node let in nobody for want of a grant that counts. */
const ungranted = (node: PulsemeshNode): number =>
  ["grant-none", "grant-unknown", "grant-foreign"].reduce(
    (sum, reason) => sum + refusals(node, reason),
    0,
  );

const isVoidBy =
  ({ id }: NextRoot) =>
  (node: PulsemeshNode): boolean =>
    node.authorityView().root?.id === id && node.authorityView().grants.length === 0;

test.each([
  ["as they run on", false],
  ["once they were started again", true],
])(
  "ME2, CH6 where a thief of the root's key has made the issuer void, so that nobody is a member, all are members again by the rotation handed to one node, though no address was named: %s",
  async (_, isRestarted) => {
    await using fleet = await fleetOfThree();
    const forged = await forge(fleet);
    // The thief tells each of them.
    for (const node of fleet.all)
      expect(await node.command({ type: "statement", token: forged.token })).toEqual({ ok: true });
    await until("nobody is a member", () => fleet.all.every(isVoidBy(forged)));
    await until(
      "they look for each other in vain",
      () => fleet.all.every((node) => ungranted(node) > 2),
      20_000,
    );
    if (isRestarted) {
      await fleet.stop(...NAMES);
      expect(NAMES.map((name) => fleet.savedAt(name))).toEqual([2, 2, 2]);
      for (const name of NAMES) await fleet.start(name);
    }
    const { issuer } = fleet;
    const answer = await nextRootStatement({
      rootDir: fleet.path("root"),
      change: { rotate: true },
      nowS: nowS(),
      known: issuer.authorityView().enrolment,
      isStolen: true,
      isForged: true,
    });
    expect(await issuer.command({ type: "statements", tokens: answer.statements })).toEqual({
      ok: true,
    });
    await fleet.allUp(60_000);
    const roots = fleet.all.map((node) => node.authorityView().root?.id);
    expect(new Set(roots).size).toBe(1);
  },
  150_000,
);

/** What is written is durable so much later, at every node of this process. */
function slowDisks(fleet: RealNodes, delayMs: number): void {
  const { prototype } = createLevelStore({ dir: fleet.path("nowhere") }).constructor as {
    readonly prototype: Store;
  };
  const commit = prototype.commit;
  vi.spyOn(prototype, "commit").mockImplementation(async function (this: Store, ops) {
    await commit.call(this, ops);
    await sleep(delayMs);
  });
}

test.each([
  ["by disks that answer at once", 0],
  ["by disks that take longer than the last second", 1_500],
])(
  "ME2, AD11 a statement by which nobody is a member any more comes to all, though one node alone was handed it: none goes on as a member, and takes the others for dead: %s",
  async (_, delayMs) => {
    await using fleet = await fleetOfThree();
    if (delayMs > 0) slowDisks(fleet, delayMs);
    const forged = await forge(fleet);
    const { token } = forged;
    expect(await fleet.get("a").command({ type: "statement", token })).toEqual({ ok: true });
    const downs = (): number =>
      fleet.all.flatMap((node) => node.fleetView().nodes).filter(({ status }) => status === "down")
        .length;
    const haveAllHeard = (): boolean => fleet.all.every(isVoidBy(forged));
    await until("all have heard it, or go on without it", () => haveAllHeard() || downs() > 0);
    expect([haveAllHeard(), downs()]).toEqual([true, 0]);
  },
  60_000,
);
