/** Real processes that stand still for a while, as on a machine that is out of memory or moved to another one, and go on as if nothing had been (rules PU6, PU7). */
import { dagCborCodec } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { deadAt, logged, logOf, PULSE_EVERY_MS, stoodStillMs } from "../support/node-log.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const MEMBERS = ["one", "two", "three", "four"].map((name, index) => ({
  name,
  region: index % 2 === 0 ? "eu" : "us",
}));
const NAMES = MEMBERS.map(({ name }) => name);
const OTHERS = ["one", "two", "three"];
/** Its first pulse brings it back, which is due at once: the rest is what a busy machine takes. */
const BACK_MS_MAX = 5_000;

interface Bundle {
  readonly header: string;
  readonly ended: { readonly how: string; readonly pulse: string } | null;
}

/** Who accused a node while it lived: it says so in its audit log. */
async function accusersOf(node: NodeProcess): Promise<readonly unknown[]> {
  const { entries } = (await node.json("/api/v1/audit?limit=1000")) as unknown as {
    readonly entries: readonly {
      readonly kind: string;
      readonly data: { readonly reason?: string; readonly data?: { readonly from?: string } };
    }[];
  };
  return entries
    .filter(({ kind, data }) => kind === "reject" && data.reason === "accusation-refuted")
    .map(({ data }) => data.data?.from);
}

async function idsOf(fleet: ProcessFleet): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const node of fleet.nodes) ids.set(await idOf(node), node.options.name);
  return ids;
}

async function idOf(node: NodeProcess): Promise<string> {
  const { self } = (await node.json("/api/v1/peers")) as unknown as {
    readonly self: { readonly id: string };
  };
  return self.id;
}

/** Whether the author of a pulse says in it that it was away. */
function doubts(envelope: string): boolean {
  const { b } = dagCborCodec.decode(Buffer.from(envelope, "base64url")) as {
    readonly b: Uint8Array;
  };
  return (dagCborCodec.decode(b) as { readonly d: number }).d === 1;
}

/** Stops a node until all others have called it dead, and for `forMsMin` at least; returns for how long, and when it went on. */
async function stopUntilDead(
  fleet: ProcessFleet,
  node: NodeProcess,
  forMsMin: number,
): Promise<{ readonly stoppedMs: number; readonly wokenMs: number }> {
  const id = await idOf(node);
  const startMs = Date.now();
  node.signal("SIGSTOP");
  const stoppedAtMs = performance.now();
  await waitFor("all others to call it dead", 15_000, async () =>
    OTHERS.every(
      (name) =>
        logged(fleet.node(name), "verdict", { subject: id, kind: "down" }, startMs).length > 0,
    ),
  );
  const leftMs = forMsMin - (performance.now() - stoppedAtMs);
  await new Promise((resolve) => setTimeout(resolve, Math.max(leftMs, 0)));
  const stoppedMs = performance.now() - stoppedAtMs;
  const wokenMs = Date.now();
  node.signal("SIGCONT");
  return { stoppedMs, wokenMs };
}

test("PU6, P2, VE10 a node that was stopped for seven seconds wakes in doubt of itself, says so in its next pulse, accuses nobody and is up again within seconds", async () => {
  await using fleet = new ProcessFleet();
  await fleet.start(MEMBERS);
  await fleet.allSee(NAMES, "up", 15_000);
  const four = fleet.node("four");
  const id = await idOf(four);
  const ids = await idsOf(fleet);
  const startMs = Date.now();
  const { stoppedMs, wokenMs } = await stopUntilDead(fleet, four, 7_000);
  await fleet.allSee(NAMES, "up", 20_000);

  // By its own clock, which does not stand still with it: it was away for all that time, but for the pulse that was not due yet.
  const stalls = logged(four, "stalled", {}, wokenMs);
  expect(stalls.length).toBeGreaterThan(0);
  expect(Number(stalls[0]?.fields["forMs"])).toBeGreaterThan(stoppedMs - PULSE_EVERY_MS);
  // The first thing that it says, and what it says of others from then on is that it does not know, or that they live.
  expect(logOf(four).find(({ wallMs }) => wallMs >= wokenMs)?.message).toBe("stalled");
  const shown = logged(four, "node-status", {}, wokenMs).map(({ fields }) => fields);
  expect(shown[0]).toMatchObject({ to: "unknown", reason: "stalled" });
  expect(shown.filter(({ to }) => to !== "unknown" && to !== "up")).toEqual([]);
  expect(logged(four, "verdict", { kind: "down" })).toEqual([]);

  const others = OTHERS.map((name) => fleet.node(name));
  for (const node of others) {
    const { name } = node.options;
    const back = logged(node, "node-status", { node: id, to: "up" }, wokenMs)[0];
    expect([name, logged(node, "node-status", { node: id, to: "down" }, startMs).length]).toEqual([
      name,
      1,
    ]);
    expect((back?.wallMs ?? Number.POSITIVE_INFINITY) - wokenMs).toBeLessThan(
      BACK_MS_MAX + stoodStillMs(others, wokenMs),
    );
    expect([name, deadAt(fleet, name, ids)]).toEqual([name, []]);
    expect([name, (await accusersOf(node)).includes(id)]).toEqual([name, false]);
    const bundle = (await node.json(`/api/v1/nodes/${id}/evidence`)) as unknown as Bundle;
    expect([name, bundle.ended?.how]).toEqual([name, "restored"]);
    // The pulse that was its last one before, and the one that ended the verdict.
    expect([doubts(bundle.header), doubts(bundle.ended?.pulse ?? "")]).toEqual([false, true]);
  }
}, 90_000);

test("PU7, VE3 a node that is stopped again and again is called dead each time, and from its second return on is late for all, without a change", async () => {
  await using fleet = new ProcessFleet();
  await fleet.start(MEMBERS);
  await fleet.allSee(NAMES, "up", 15_000);
  const four = fleet.node("four");
  const id = await idOf(four);
  const ids = await idsOf(fleet);
  const isLate = async (): Promise<boolean> => {
    const seen = await Promise.all(OTHERS.map((name) => fleet.node(name).peerStatus("four")));
    return seen.every((status) => status === "late");
  };
  await stopUntilDead(fleet, four, 5_000);
  await fleet.allSee(NAMES, "up", 15_000);
  await stopUntilDead(fleet, four, 5_000);
  await waitFor("its second return to be seen by all", 15_000, isLate);

  const knownMs = Date.now();
  await stopUntilDead(fleet, four, 5_000);
  await waitFor("all to show it late", 5_000, isLate);
  const returned = (name: string): boolean =>
    logged(fleet.node(name), "verdict", { subject: id, kind: "up" }, knownMs).length > 0;
  await waitFor("its third return to be seen by all", 15_000, async () => OTHERS.every(returned));
  await waitFor("all to show it late", 5_000, isLate);
  for (const name of OTHERS) {
    const node = fleet.node(name);
    const shown = logged(node, "node-status", { node: id }, knownMs).map(
      ({ fields }) => fields["to"],
    );
    // Who stands still itself does not know for a moment (PU6).
    expect([name, shown.filter((to) => to === "up" || to === "down")]).toEqual([name, []]);
    expect([name, deadAt(fleet, name, ids)]).toEqual([name, []]);
  }
}, 120_000);
