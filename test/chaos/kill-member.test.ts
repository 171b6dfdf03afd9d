/** `kill -9` of a member that is written to, among others that judge it: it comes back on the same disk as who it was. */
import { expect, test } from "vitest";
import { expectAll, writeUntilKilled, type Acknowledged } from "../support/kill-rounds.ts";
import { deadAt, logged } from "../support/node-log.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const MEMBERS = ["one", "two", "three", "four"].map((name, index) => ({
  name,
  region: index % 2 === 0 ? "eu" : "us",
}));
const NAMES = MEMBERS.map(({ name }) => name);
const OTHERS = ["one", "two", "three"];
const ROUNDS = 3;
/** The round in which it stays away until its death is known: the first, as whoever came back twice is shown `late` instead (PU7). */
const NOTICED = 0;

async function selfOf(node: NodeProcess): Promise<{ readonly id: string; readonly boot: number }> {
  const { self } = (await node.json("/api/v1/peers")) as unknown as {
    readonly self: { readonly id: string; readonly boot: number };
  };
  return self;
}

/** What others hold of it; beats come to them with its pulses, as many as there is room for. */
async function expectCounters(node: NodeProcess, { counters }: Acknowledged): Promise<void> {
  for (const [robot, counter] of counters) {
    const { state } = (await node.json(`/api/v1/robots/${robot}`)) as unknown as {
      readonly state: { readonly counter?: number };
    };
    expect(state.counter, `${node.options.name}: counter of ${robot}`).toBeGreaterThanOrEqual(
      counter,
    );
  }
}

/** All hear each other again, the member too, which is `late` (`flapping`) once it was found dead twice, and hold the same. */
async function allAgree(fleet: ProcessFleet): Promise<void> {
  const statuses = new Map<string, readonly string[]>();
  await waitFor("all to be heard by all", 30_000, async () => {
    for (const name of NAMES)
      statuses.set(name, [...(await fleet.node(name).peerStatuses()).values()]);
    return [...statuses.values()].flat().every((status) => status === "up" || status === "late");
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify([...statuses])}`);
  });
  await waitFor(
    "one view on all four",
    15_000,
    async () => new Set(await fleet.hashes(NAMES)).size === 1,
  );
}

test("P5, P1, P2, P7, PU3 a member that is killed under load, at once or after its death was noticed, comes back as who it was, with all that was acknowledged on every node, and nobody else is ever called dead", async () => {
  await using fleet = new ProcessFleet();
  await fleet.start(MEMBERS);
  await fleet.allSee(NAMES, "up", 15_000);
  const four = fleet.node("four");
  let self = await selfOf(four);
  const ids = new Map<string, string>();
  for (const name of NAMES) ids.set((await selfOf(fleet.node(name))).id, name);
  const acknowledged: Acknowledged = { counters: new Map(), beatsSentMs: new Map() };
  for (let round = 0; round < ROUNDS; round += 1) {
    await writeUntilKilled(four, acknowledged, 1_000);
    // After that it is away for so short a time that no quorum need form.
    if (round === NOTICED)
      await waitFor("the others to call it dead", 15_000, async () =>
        (await Promise.all(OTHERS.map((name) => fleet.node(name).peerStatus("four")))).every(
          (status) => status === "down",
        ),
      );
    await four.start();
    const { id, boot } = await selfOf(four);
    expect([round, id]).toEqual([round, self.id]);
    expect(boot, `round ${round}: boot`).toBeGreaterThan(self.boot);
    self = { id, boot };
    await allAgree(fleet);
    await expectAll(four, acknowledged, round);
    for (const name of OTHERS) await expectCounters(fleet.node(name), acknowledged);
  }

  expect(
    [...acknowledged.counters.values()].reduce((sum, value) => sum + value, 0),
  ).toBeGreaterThan(ROUNDS);
  for (const name of NAMES) {
    const node = fleet.node(name);
    expect([name, deadAt(fleet, name, ids)]).toEqual([name, name === "four" ? [] : ["four"]]);
    expect([name, (await node.json("/api/v1/audit/verify"))["ok"]]).toEqual([name, true]);
    expect([name, logged(node, "forked").length]).toEqual([name, 0]);
    expect([name, logged(node, "twin").length]).toEqual([name, 0]);
  }
}, 120_000);
