import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { CoreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import { decodeObservation, OBSERVATION_BYTES_MAX } from "./observation-codec.ts";
import { heardNode } from "./standing.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const meshOf = (names: readonly string[], config?: Partial<CoreConfig>): VirtualNeighbours =>
  new VirtualNeighbours(names, createTestPorts, config);

const FIVE = ["na", "nb", "nc", "nd", "ne"];

/** What kinds of statements a node has made since a moment. */
function kindsSaid(mesh: VirtualNeighbours, by: NodeId, sinceMs: number): readonly string[] {
  const { env } = mesh.node(by);
  const kinds = mesh.sent.flatMap(({ from, topic, bytes, atMs }) => {
    if (from !== by || topic !== "verdict" || atMs < sinceMs) return [];
    const opened = decodeEnvelope(env, bytes, OBSERVATION_BYTES_MAX);
    const said = opened.ok ? decodeObservation(env, opened.envelope.body) : undefined;
    return said?.statements.map(({ kind }) => kind) ?? [];
  });
  return [...new Set(kinds)];
}

describe("a neighbourhood", () => {
  test("PU4, VE8 nodes that start together show each other up within two seconds", () => {
    const mesh = meshOf(FIVE);
    mesh.run(2_000);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("VE3 a node that was killed is down on all others after 2.5 to 4 seconds", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_300);
    const killedMs = mesh.nowMs;
    mesh.crash("na");
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) {
      const verdict = mesh.node(at).verdicts.find(({ subject }) => subject === "na");
      expect(verdict?.kind).toBe("down");
      expect((verdict?.atMs ?? 0) - killedMs).toBeGreaterThan(2_000);
      expect((verdict?.atMs ?? Infinity) - killedMs).toBeLessThanOrEqual(4_000);
      expect(mesh.status("na", at)).toBe("down");
    }
  });

  test("VE3 a restarted node is up on all others within two seconds, and stays up", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.crash("na");
    mesh.run(8_000);
    mesh.restart("na", 200);
    mesh.run(2_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "up"]);
    mesh.run(30_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "up"]);
    for (const of of FIVE.slice(1)) expect([of, mesh.status(of, "na")]).toEqual([of, "up"]);
  });

  test("VE2, P2 of five nodes cut three to two, the three say down and the two unknown, and both recover", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.partition(["na", "nb", "nc"], ["nd", "ne"]);
    mesh.run(8_000);
    for (const at of ["na", "nb", "nc"])
      for (const of of ["nd", "ne"])
        expect([at, of, mesh.status(of, at)]).toEqual([at, of, "down"]);
    for (const at of ["nd", "ne"])
      for (const of of ["na", "nb", "nc"])
        expect([at, of, mesh.status(of, at)]).toEqual([at, of, "unknown"]);
    expect(mesh.status("ne", "nd")).toBe("up");
    mesh.cut.clear();
    mesh.run(3_000);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("VE2 a side notices that it lost the majority before it accuses anybody", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    const cutMs = mesh.nowMs;
    const minority = ["nd", "ne"];
    mesh.partition(["na", "nb", "nc"], minority);
    const said = new Set<string>();
    for (let step = 0; step < 200; step += 1) {
      mesh.run(50);
      for (const of of ["na", "nb", "nc"])
        said.add(`${mesh.status(of, "nd")}/${mesh.reason(of, "nd")}`);
    }
    expect([...said]).toEqual(["up/undefined", "unknown/no-majority"]);
    for (const by of minority) expect([by, kindsSaid(mesh, by, cutMs)]).toEqual([by, ["unknown"]]);
    expect(kindsSaid(mesh, "na", cutMs)).toContain("accuse");
  });

  test("VE2 of four nodes cut two to two nobody says down", () => {
    const mesh = meshOf(FIVE.slice(0, 4));
    mesh.run(10_000);
    mesh.partition(["na", "nb"], ["nc", "nd"]);
    mesh.run(60_000);
    for (const node of mesh.nodes) expect(node.verdicts).toEqual([]);
    expect([mesh.status("nc", "na"), mesh.reason("nc", "na")]).toEqual(["unknown", "no-majority"]);
  });

  test("VE5 of two nodes one accuses alone, and says that it is a single witness", () => {
    const mesh = meshOf(["na", "nb"]);
    mesh.run(10_000);
    mesh.crash("nb");
    mesh.run(5_000);
    expect([mesh.status("nb", "na"), mesh.reason("nb", "na")]).toEqual(["down", "single-witness"]);
  });

  test("VE5 under the strict policy a pair never says down", () => {
    const mesh = meshOf(["na", "nb"], { pair: "unknown" });
    mesh.run(10_000);
    mesh.crash("nb");
    mesh.run(60_000);
    expect([mesh.status("nb", "na"), mesh.reason("nb", "na")]).toEqual(["unknown", "pair-unknown"]);
  });

  test("VE5 under the strict policy none of a pair accuses or suspects the other: it does not know as soon as it hears nothing", () => {
    const mesh = meshOf(["na", "nb"], { pair: "unknown" });
    mesh.run(10_000);
    const killedMs = mesh.nowMs;
    mesh.crash("nb");
    const said = new Set<string>();
    for (let step = 0; step < 400; step += 1) {
      mesh.run(50);
      said.add(`${mesh.status("nb", "na")}/${mesh.reason("nb", "na")}`);
    }
    expect([...said]).toEqual(["up/undefined", "unknown/pair-unknown"]);
    expect(kindsSaid(mesh, "na", killedMs)).toEqual(["unknown"]);
  });

  test("P2, VE3 one link that is broken both ways brings no verdict where others relay nothing", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.partition(["na"], ["nb"]);
    mesh.run(120_000);
    for (const node of mesh.nodes) expect([node.id, node.verdicts]).toEqual([node.id, []]);
    for (const at of ["nc", "nd", "ne"]) expect(mesh.status("na", at)).toBe("up");
    expect(mesh.status("na", "nb")).toBe("up");
  });

  test("PU6 a node that was stalled for ten seconds judges nobody, and nobody stays wrong about it", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.stall("na", 10_000);
    mesh.run(10_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
    mesh.run(3_000);
    expect(mesh.node("na").verdicts).toEqual([]);
    expect(mesh.node("na").events.some(({ type }) => type === "stalled")).toBe(true);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("P3, PU4 pulses of a dead node that were held back and are replayed one by one never show it up again", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    const held: Uint8Array[] = [];
    mesh.partition(["na"], FIVE.slice(1));
    mesh.run(4_000);
    for (const { from, topic, bytes } of mesh.sent)
      if (from === "na" && topic === "pulse") held.push(bytes);
    mesh.crash("na");
    mesh.run(10_000);
    for (const bytes of held.slice(-4)) {
      for (const at of FIVE.slice(1)) {
        mesh.deliver("pulse", bytes, "nb", mesh.node(at));
        expect(mesh.status("na", at)).not.toBe("up");
      }
      mesh.run(1_000);
      for (const at of FIVE.slice(1)) expect(mesh.status("na", at)).not.toBe("up");
    }
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("VE9 a planned stop is paused until its time is over, then it is judged", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.input(mesh.node("na"), (now) =>
      mesh.node("na").near.announceStop({ pausedForMs: 20_000, goodbye: false }, now),
    );
    mesh.run(100);
    mesh.crash("na");
    expect([...mesh.node("na").near.acknowledged].toSorted()).toEqual(FIVE.slice(1));
    mesh.run(19_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "paused"]);
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("VE9 SG4 a stop that was heard straight is passed on by gossip, as who is not connected has it that way alone", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    const [na, nb] = [mesh.node("na"), mesh.node("nb")];
    mesh.input(na, () => na.near.onPeerUp("nb"));
    // Its straight copy overtakes the other.
    mesh.drop = ({ from, topic }) => from === "na" && topic === "pulse";
    mesh.input(na, (now) => na.near.announceStop({ pausedForMs: 20_000, goodbye: false }, now));
    mesh.run(100);
    const again = (): string => {
      let answer = "";
      const bytes = na.near.pulses.latest ?? new Uint8Array();
      mesh.input(nb, (now) => (answer = nb.near.onGossipPulse("na", bytes, now)));
      return answer;
    };
    expect([again(), again()]).toEqual(["accept", "ignore"]);
  });

  test.each([
    ["its author says it", true],
    ["a member answers with it who has it from its author", false],
  ])(
    "VE9 SG4 a goodbye that was passed on by another one, of a boot that is not dated, is no news, and counts once %s",
    (_how, isStraight) => {
      const mesh = meshOf(["na", "nb", "nc"]);
      mesh.run(10_000);
      mesh.crash("na");
      mesh.run(8_000);
      // It and one node hear nothing of each other, which has nothing to date its new boot by.
      mesh.drop = ({ from, to }) => [from, to].includes("na") && [from, to].includes("nc");
      mesh.restart("na", 200);
      mesh.run(3_000);
      const [na, nc] = [mesh.node("na"), mesh.node("nc")];
      mesh.input(na, (now) => na.near.announceStop({ pausedForMs: undefined, goodbye: true }, now));
      const goodbye = na.near.pulses.latest ?? new Uint8Array();
      mesh.crash("na");
      const answers = [0, 1, 2].map(() => {
        let answer = "";
        mesh.input(nc, (now) => (answer = nc.near.onGossipPulse("nb", goodbye, now)));
        return answer;
      });
      expect(answers).toEqual(["accept", "ignore", "ignore"]);
      expect(mesh.status("na", "nc")).not.toBe("left");
      // Known as the newest pulse, it could not be what others answer an accusation with.
      expect(nc.near.liveness.subject("na")?.newestName.seq).toBeLessThan(na.near.pulses.seq);
      const sinceMs = mesh.nowMs;
      if (isStraight) mesh.deliver("direct", goodbye, "na", nc);
      mesh.run(isStraight ? 1_000 : 15_000);
      expect(mesh.status("na", "nc")).toBe("left");
      expect(nc.verdicts.filter(({ kind, atMs }) => kind === "down" && atMs > sinceMs)).toEqual([]);
    },
  );

  test("UP1 VE9 a node that is back in time is paused until it is up, also while its new boot is not dated yet", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.input(mesh.node("na"), (now) =>
      mesh.node("na").near.announceStop({ pausedForMs: 20_000, goodbye: false }, now),
    );
    mesh.run(100);
    mesh.crash("na");
    mesh.run(5_000);
    mesh.restart("na", 200);
    const seen = new Set<string>();
    for (let step = 0; step < 3_000; step += 1) {
      mesh.run(1);
      for (const at of FIVE.slice(1)) seen.add(mesh.status("na", at));
    }
    expect([...seen]).toEqual(["paused", "up"]);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "up"]);
  });

  test("VE8 a member that was never heard is unknown for ten intervals and down afterwards", () => {
    const mesh = meshOf(FIVE);
    mesh.crash("na");
    mesh.nodes.splice(0, 1);
    mesh.run(9_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "unknown"]);
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("PU7 a node that comes back for the second time within ten minutes is flapping until it was clean for a minute", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    for (const boot of [200, 300]) {
      mesh.crash("na");
      mesh.run(8_000);
      mesh.restart("na", boot);
      mesh.run(8_000);
    }
    expect([mesh.status("na", "nb"), mesh.reason("na", "nb")]).toEqual(["late", "flapping"]);
    mesh.run(60_000);
    expect(mesh.status("na", "nb")).toBe("up");
  });

  test("PU7 who goes on coming and going is late all the while, for no event either way, and down a minute after it came back last", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    const seen = new Set<string>();
    for (let boot = 200; boot < 900; boot += 100) {
      mesh.crash("na");
      mesh.run(8_000);
      if (boot >= 500) seen.add(mesh.status("na", "nb"));
      mesh.restart("na", boot);
      mesh.run(8_000);
      if (boot >= 400) seen.add(mesh.status("na", "nb"));
    }
    expect([...seen]).toEqual(["late"]);
    const { verdicts, near } = mesh.node("nb");
    const isHeldDead = (): boolean | undefined =>
      heardNode(near.liveness.subject("na"))?.isHeldDead;
    expect(isHeldDead()).toBe(false);
    expect(verdicts.filter(({ kind }) => kind === "down")).toHaveLength(7);
    mesh.crash("na");
    mesh.run(8_000);
    // So it can be retired (rule VE1).
    expect(isHeldDead()).toBe(true);
    expect([mesh.status("na", "nb"), mesh.reason("na", "nb")]).toEqual(["late", "flapping"]);
    // It came back 16 s ago, and a moment more.
    mesh.run(45_500);
    expect(mesh.status("na", "nb")).toBe("down");
    mesh.run(700_000);
    expect(mesh.status("na", "nb")).toBe("down");
  });

  test("VE9 who missed a goodbye learns of it when it accuses: those who heard it answer, though its author is no member any more", () => {
    const mesh = meshOf(FIVE);
    mesh.run(10_000);
    mesh.drop = ({ from, to }) => from === "na" && to === "nb";
    const na = mesh.node("na");
    mesh.input(na, (now) => na.near.announceStop({ pausedForMs: undefined, goodbye: true }, now));
    mesh.run(1_000);
    mesh.crash("na");
    expect([mesh.status("na", "nb"), mesh.status("na", "nc")]).toEqual(["up", "left"]);
    mesh.run(15_000);
    expect([mesh.status("na", "nb"), mesh.reason("na", "nb")]).toEqual(["left", "goodbye"]);
    expect(mesh.node("nb").verdicts).toEqual([]);
  });
});
