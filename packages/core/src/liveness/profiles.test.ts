/** Profiles (rule AD1) in virtual time: how soon a death is told, alone and where members of one fleet run at different paces. */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { lanConfig, localConfig, wanConfig, type CoreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const PROFILES = { local: localConfig, lan: lanConfig, wan: wanConfig } as const;
type Profile = keyof typeof PROFILES;

const FIVE = ["na", "nb", "nc", "nd", "ne"];
const PACES: readonly Profile[] = ["local", "lan", "wan", "local", "wan"];

function fleetOf(paces: readonly Profile[]): VirtualNeighbours {
  const configOf = (node: NodeId): CoreConfig => PROFILES[paces[FIVE.indexOf(node)] ?? "lan"];
  return new VirtualNeighbours(FIVE, createTestPorts, configOf);
}

/** How long after its end each of the others says that `node` is down. */
function detectionMs(mesh: VirtualNeighbours, node: NodeId): readonly number[] {
  mesh.crash(node);
  const killedMs = mesh.nowMs;
  mesh.run(20_000);
  return FIVE.filter((at) => at !== node).map((at) => {
    const verdict = mesh
      .node(at)
      .verdicts.find(
        ({ subject, atMs, kind }) => subject === node && kind === "down" && atMs > killedMs,
      );
    return (verdict?.atMs ?? Number.POSITIVE_INFINITY) - killedMs;
  });
}

function wrong(mesh: VirtualNeighbours): readonly string[] {
  return FIVE.flatMap((at) =>
    FIVE.filter((of) => of !== at && mesh.status(of, at) !== "up").map(
      (of) => `${at} says ${of} is ${mesh.status(of, at)}`,
    ),
  );
}

describe("profiles", () => {
  test.each([
    { profile: "local", fromMs: 1_300, toMs: 2_200 },
    { profile: "lan", fromMs: 2_500, toMs: 4_000 },
    { profile: "wan", fromMs: 5_000, toMs: 8_000 },
  ] as const)(
    "AD1 VE3 in a $profile fleet a death is told after $fromMs to $toMs ms",
    ({ profile, fromMs, toMs }) => {
      const mesh = fleetOf(FIVE.map(() => profile));
      mesh.run(30_300);
      expect(wrong(mesh)).toEqual([]);
      const tookMs = detectionMs(mesh, "na");
      expect(Math.min(...tookMs)).toBeGreaterThanOrEqual(fromMs);
      expect(Math.max(...tookMs)).toBeLessThanOrEqual(toMs);
    },
  );

  test.each([
    { node: "na", pace: "local", toMs: 2_900 },
    { node: "nb", pace: "lan", toMs: 4_600 },
    { node: "nc", pace: "wan", toMs: 8_600 },
  ])(
    "AD1 VE3 where paces are mixed nobody is wronged in 5 minutes, and the death of a $pace node is told within $toMs ms",
    ({ node, toMs }) => {
      const mesh = fleetOf(PACES);
      mesh.run(10_000);
      for (let round = 0; round < 300; round += 1) {
        expect(wrong(mesh)).toEqual([]);
        mesh.run(1_000);
      }
      expect(mesh.nodes.flatMap(({ verdicts }) => verdicts)).toEqual([]);
      const tookMs = detectionMs(mesh, node);
      expect(Math.max(...tookMs)).toBeLessThanOrEqual(toMs);
    },
  );

  test("AD1 PU1 everybody knows at which pace each other one pulses", () => {
    const mesh = fleetOf(PACES);
    mesh.run(10_000);
    for (const at of FIVE)
      for (const [index, of] of FIVE.entries())
        if (of !== at)
          expect(mesh.node(at).near.liveness.subject(of)?.intervalMs).toBe(
            PROFILES[PACES[index] ?? "lan"].pulseEveryMs,
          );
  });

  test("AD7 everybody knows how far the clocks of the others are off, whoever's it is, and learns anew when one is set", () => {
    const mesh = fleetOf(PACES);
    mesh.node("nb").wallStepMs = -90_000;
    mesh.node("nd").wallStepMs = 3_000;
    mesh.run(10_000);
    const offset = (of: NodeId, at: NodeId): number =>
      mesh.node(at).near.liveness.subject(of)?.dating.wall.medianMs ?? Number.NaN;
    const near = (actual: number, expected: number): void =>
      // A virtual message travels for 5 ms, half of a round trip.
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(10);
    near(offset("nb", "na"), -90_000);
    near(offset("nd", "na"), 3_000);
    near(offset("nd", "nb"), 93_000);
    near(offset("na", "nd"), -3_000);
    near(offset("ne", "na"), 0);
  });
});
