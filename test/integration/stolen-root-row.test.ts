/** Real nodes, and a thief of the root's key who hands over more root statements at once than gossip tells to who is out by them (rules ME2, AD11). */
import type { NextRoot, PulsemeshNode } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { STATEMENTS_PER_SECOND_MAX } from "../../packages/core/src/authority/authority-keeper.ts";
import {
  RECENT_WORDS_BYTES_MAX,
  RECENT_WORDS_MAX,
} from "../../packages/transport-libp2p/src/recent-words.ts";
import { RealNodes } from "../support/real-nodes.ts";
import {
  forgeRevocations,
  forgeRow,
  forgeVoid,
  isVoidBy,
  type LongRow,
} from "../support/root-thief.ts";
import { until } from "../support/until.ts";

const STAR_NODES = 10;
const MESH_NODES = 3;
/** From when it was handed over until all have it. */
const HEARD_MS_MAX = 10_000;

/** One that can be dialled, and nine that cannot; or all can be. */
async function fleetOf(shape: "star" | "mesh"): Promise<RealNodes> {
  const fleet = await RealNodes.found();
  const size = shape === "star" ? STAR_NODES : MESH_NODES;
  for (let index = 1; index < size; index += 1)
    await fleet.join(`node ${index}`, fleet.issuer, shape === "star" ? { listen: [] } : {});
  await fleet.allUp(120_000);
  return fleet;
}

async function expectHeardByAll(fleet: RealNodes, forged: NextRoot): Promise<void> {
  const hasHeard = isVoidBy(forged);
  const all = until("all hold it", () => fleet.all.every(hasHeard), HEARD_MS_MAX);
  await all.catch(() => undefined);
  expect(fleet.all.filter(hasHeard)).toHaveLength(fleet.all.length);
}

const MORE_THAN_RECENT: LongRow = { count: RECENT_WORDS_MAX + 1, patterns: 0 };
const MORE_THAN_A_SECOND: LongRow = { count: STATEMENTS_PER_SECOND_MAX + 10, patterns: 0 };
const LONG: LongRow = { count: STATEMENTS_PER_SECOND_MAX, patterns: 15 };

test.each([
  ["mesh", "node 1", MORE_THAN_A_SECOND, 0],
  ["mesh", "node 1", LONG, RECENT_WORDS_BYTES_MAX],
  ["star", "node 1", MORE_THAN_RECENT, 0],
  ["star", "issuer", MORE_THAN_A_SECOND, 0],
  ["star", "node 1", LONG, RECENT_WORDS_BYTES_MAX],
] as const)(
  "ME2, AD11 a row of root statements by which nobody is a member, longer than what is told to who is out by it, comes to all: %s, handed to %s, %o",
  async (shape, name, row, bytesMin) => {
    await using fleet = await fleetOf(shape);
    const { forged, tokens } = await forgeRow(fleet, row);
    expect(tokens.join("").length).toBeGreaterThan(bytesMin);
    expect(await fleet.get(name).command({ type: "statements", tokens })).toEqual({ ok: true });
    await expectHeardByAll(fleet, forged);
  },
  180_000,
);

test("ME2, AD11 who was away as it was said hears of it from the members that do not let it in", async () => {
  await using fleet = await fleetOf("mesh");
  await fleet.allMet();
  await fleet.stop("node 2");
  const forged = await forgeVoid(fleet);
  const { token } = forged;
  expect(await fleet.get("node 1").command({ type: "statement", token })).toEqual({ ok: true });
  await expectHeardByAll(fleet, forged);
  await fleet.start("node 2");
  await expectHeardByAll(fleet, forged);
}, 120_000);

test("ME2, AD11 whom a thief of the root's key revokes by an issuer that such a row names hears of both from who does not let it in", async () => {
  await using fleet = await fleetOf("mesh");
  const { tokens } = await forgeRevocations(fleet, MORE_THAN_A_SECOND);
  expect(await fleet.get("node 1").command({ type: "statements", tokens })).toEqual({ ok: true });
  const isRevoked = (at: PulsemeshNode): boolean =>
    at.authorityView().revocations.some(({ node }) => node === at.id);
  const all = until("all know it", () => fleet.all.every(isRevoked), HEARD_MS_MAX);
  await all.catch(() => undefined);
  expect(fleet.all.filter(isRevoked)).toHaveLength(fleet.all.length);
}, 60_000);
