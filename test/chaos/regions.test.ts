/** Two regions of real processes between which packets are lost on the way, while all links stay up (rule VE4). */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { Cables, namespacesMissing } from "../support/namespaces.ts";
import { deadAt, logged, stoodStillMs } from "../support/node-log.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

/** A majority of all: by numbers alone it could call the others dead, and once it has lost one of its own it is none any more. */
const EU = ["a1", "a2", "a3", "a4"];
const US = ["b1", "b2"];
const ALL = [...EU, ...US];
/** The goals for a cut and for a heal. Silence and settle time take 4.0 s of the first on a quiet machine. */
const CUT_SEEN_MS_MAX = 6_000;
const HEALED_MS_MAX = 10_000;

interface Peers {
  readonly self: { readonly id: string };
  readonly peers: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason: string | null;
  }[];
  readonly view: {
    readonly unreachable: readonly { readonly from: string; readonly to: string }[];
  };
}

beforeAll(() => {
  const missing = namespacesMissing();
  if (missing !== undefined) throw new Error(missing);
});

async function startRegions(fleet: ProcessFleet, cables: Cables): Promise<void> {
  for (const [side, region, names] of [
    ["left", "eu", EU],
    ["right", "us", US],
  ] as const) {
    for (const name of names) {
      const { namespace, address } = cables.host(side);
      const socketPath = join(fleet.dir, `${name}.sock`);
      await fleet.add(
        { name, region },
        { meshPort: 7_421, httpPort: 7_420, namespace: { name: namespace, address, socketPath } },
      );
    }
  }
  await fleet.allSee(ALL, "up", 20_000);
}

async function peersOf(node: NodeProcess): Promise<Peers> {
  return (await node.json("/api/v1/peers")) as unknown as Peers;
}

/** Whether every one of `at` says of every one of `of` that its region is out of reach. */
async function isLost(
  fleet: ProcessFleet,
  at: readonly string[],
  of: readonly string[],
): Promise<boolean> {
  for (const name of at) {
    const { peers } = await peersOf(fleet.node(name));
    const lost = peers.filter(
      (peer) => peer.status === "unknown" && peer.reason === "region-unreachable",
    );
    if (!of.every((subject) => lost.some((peer) => peer.name === subject))) return false;
  }
  return true;
}

/** Each side says of the other, and of nothing else, that it is out of reach, and in time. */
async function expectSaidInTime(fleet: ProcessFleet, cutMs: number): Promise<void> {
  for (const [names, from, to] of [
    [EU, "eu", "us"],
    [US, "us", "eu"],
  ] as const) {
    const side = names.map((name) => fleet.node(name));
    const told = side.map((node) => logged(node, "region-status", {}, cutMs)[0]);
    for (const first of told)
      expect(first?.fields).toMatchObject({ from, to, status: "unreachable" });
    const seenMs = Math.max(...told.map((first) => first?.wallMs ?? Number.NaN)) - cutMs;
    expect(seenMs).toBeLessThan(CUT_SEEN_MS_MAX + stoodStillMs(side, cutMs));
    for (const node of side)
      expect((await node.get("/metrics")).text).toContain(
        `pulsemesh_region_unreachable{region="${to}"} 1`,
      );
  }
}

/** Waits until the living are up for each other, the dead one is down for all, and all hold the same; returns how long the last of them took to say so. */
async function healedMs(
  fleet: ProcessFleet,
  live: readonly string[],
  healMs: number,
): Promise<number> {
  await waitFor("one fleet again, with one dead", 30_000, async () => {
    for (const at of live) {
      const { peers, view } = await peersOf(fleet.node(at));
      const isRight = peers.every(({ name, status }) => status === (name === "a4" ? "down" : "up"));
      if (!isRight || view.unreachable.length > 0) return false;
    }
    return new Set(await fleet.hashes(live)).size === 1;
  });
  const changes = live
    .map((name) => fleet.node(name))
    .flatMap((node) => [
      ...logged(node, "node-status", {}, healMs),
      ...logged(node, "region-status", {}, healMs),
    ]);
  return Math.max(...changes.map(({ wallMs }) => wallMs)) - healMs;
}

test("VE4, P1, P9 two regions that blackhole routes keep apart are out of each other's reach within 6 s, each finds its own dead, and they are one fleet within 10 s of the heal", async () => {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  await startRegions(fleet, cables);
  const ids = new Map<string, string>();
  for (const name of ALL) ids.set((await peersOf(fleet.node(name))).self.id, name);

  const cutMs = Date.now();
  cables.blackhole();
  await waitFor(
    "each side to say that the other is out of reach",
    20_000,
    async () => (await isLost(fleet, EU, US)) && (await isLost(fleet, US, EU)),
  );
  await expectSaidInTime(fleet, cutMs);
  expect((await fleet.node("a2").beat("in-eu")).status).toBe(200);
  expect((await fleet.node("b2").beat("in-us")).status).toBe(200);

  await fleet.node("a4").end("SIGKILL");
  await waitFor("its own region to say down of the dead one", 15_000, async () => {
    const said = await Promise.all(["a1", "a2", "a3"].map((at) => fleet.node(at).peerStatus("a4")));
    return said.every((status) => status === "down");
  });
  // Over there nobody can know.
  expect(US.flatMap((at) => deadAt(fleet, at, ids))).toEqual([]);

  const healMs = Date.now();
  cables.openRoutes();
  const live = ALL.filter((name) => name !== "a4");
  const tookMs = await healedMs(fleet, live, healMs);
  const nodes = live.map((name) => fleet.node(name));
  expect(tookMs).toBeLessThan(HEALED_MS_MAX + stoodStillMs(nodes, healMs));
  // Who stands still takes its accusations back, and begins anew (PU6).
  const isSteady = stoodStillMs(nodes, cutMs) === 0;
  for (const node of nodes) {
    const { name } = node.options;
    const told = logged(node, "region-status", {}, cutMs).map(({ fields }) => fields["status"]);
    const once = isSteady ? told : [told[0], told.at(-1)];
    expect([name, once]).toEqual([name, ["unreachable", "reachable"]]);
    // Nobody else, from the first moment to the last.
    expect([name, deadAt(fleet, name, ids)]).toEqual([name, ["a4"]]);
    expect((await node.json("/api/v1/audit/verify"))["ok"]).toBe(true);
    for (const robot of ["in-eu", "in-us"])
      await waitFor(`${name} to hear of ${robot}`, 5_000, async () => {
        return (await node.get(`/status/${robot}`)).status === 200;
      });
  }
}, 120_000);
