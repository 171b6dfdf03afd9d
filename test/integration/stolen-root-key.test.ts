/** Real nodes that know each other by what their `addresses.json` says and nothing else, and a thief of the root's key (rule ME2). */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "@pulsemesh/core";
import { type NextRoot, nextRootStatement, type PulsemeshNode } from "@pulsemesh/node";
import { createLevelStore } from "@pulsemesh/store-level";
import { afterEach, expect, test, vi } from "vitest";
import { RealNodes, refusals } from "../support/real-nodes.ts";
import { forgeVoid, isVoidBy } from "../support/root-thief.ts";
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

/** Times that a node let in nobody for want of a grant that counts. */
const ungranted = (node: PulsemeshNode): number =>
  ["grant-none", "grant-unknown", "grant-foreign"].reduce(
    (sum, reason) => sum + refusals(node, reason),
    0,
  );

test.each([
  ["as they run on", false],
  ["once they were started again", true],
])(
  "ME2, CH6 where a thief of the root's key has made the issuer void, so that nobody is a member, all are members again by the rotation handed to one node, though no address was named: %s",
  async (_, isRestarted) => {
    await using fleet = await fleetOfThree();
    const forged = await forgeVoid(fleet);
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

/** Whoever does not hear it goes on alone, or judges those that do to be down. */
async function expectHeardByAll(fleet: RealNodes, forged: NextRoot): Promise<void> {
  const { all } = fleet;
  const hasHeard = isVoidBy(forged);
  const heard = (): number => all.filter(hasHeard).length;
  const downs = (): number =>
    all.flatMap((node) => node.fleetView().nodes).filter(({ status }) => status === "down").length;
  const seesNobody = (node: PulsemeshNode): boolean =>
    !node.fleetView().nodes.some((other) => other.node !== node.id && other.status === "up");
  await until(
    "all have heard it, or go on without it",
    () =>
      heard() === all.length ||
      downs() > 0 ||
      all.some((node) => !hasHeard(node) && seesNobody(node)),
  );
  expect([heard(), downs()]).toEqual([all.length, 0]);
}

test.each([
  ["by disks that answer at once", 0],
  ["by disks that take longer than the last second", 1_500],
])(
  "ME2, AD11 a statement by which nobody is a member any more comes to all, though one node alone was handed it: none goes on as a member, and takes the others for dead: %s",
  async (_, delayMs) => {
    await using fleet = await fleetOfThree();
    if (delayMs > 0) slowDisks(fleet, delayMs);
    const forged = await forgeVoid(fleet);
    const { token } = forged;
    expect(await fleet.get("a").command({ type: "statement", token })).toEqual({ ok: true });
    await expectHeardByAll(fleet, forged);
  },
  60_000,
);

/** One that can be dialled, and nine that cannot. */
async function star(): Promise<RealNodes> {
  const fleet = await RealNodes.found();
  for (let index = 1; index < STAR_NODES; index += 1)
    await fleet.join(`leaf ${index}`, fleet.issuer, { listen: [] });
  await fleet.allUp(60_000);
  return fleet;
}

const STAR_NODES = 10;

test.each([
  ["which was handed it", "issuer"],
  ["which but passes it on", "leaf 1"],
])(
  "ME2, AD11 such a statement comes to all behind a hub, which alone is connected to each of them: %s",
  async (_, name) => {
    await using fleet = await star();
    const forged = await forgeVoid(fleet);
    const { token } = forged;
    expect(await fleet.get(name).command({ type: "statement", token })).toEqual({ ok: true });
    await expectHeardByAll(fleet, forged);
  },
  120_000,
);
