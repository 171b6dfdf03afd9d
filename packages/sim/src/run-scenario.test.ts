import { createCore } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { EFFECTS_MAX, WAITING_MAX } from "./checks/bounds-check.ts";
import { Fleet, VIOLATIONS_MAX } from "./fleet/fleet.ts";
import { INBOX_MAX, type CoreFactory } from "./fleet/sim-node.ts";
import { addHolder } from "./hostile/holder.ts";
import { HELD_MAX } from "./network/links.ts";
import { calmNetwork, lossyNetwork, stallingNetwork } from "./network/network-model.ts";
import { checkScenario, replayCommand, runScenario } from "./run-scenario.ts";
import { findScenario } from "./scenarios/find-scenario.ts";
import { fleetStory } from "./scenarios/fleet-story.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { smallFleets } from "./scenarios/small-fleets.ts";

function scenarioOf(name: string): Scenario {
  const scenario = findScenario(name, { seed: 1 });
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario;
}

/** A core that does something to the effects of the real one. */
function patched(
  patch: (effects: ReturnType<ReturnType<CoreFactory>["handle"]>) => typeof effects,
): CoreFactory {
  return (ports, identity, config) => {
    const core = createCore(ports, identity, config);
    return {
      handle: (input, now) => patch(core.handle(input, now)),
      fleet: (now) => core.fleet(now),
      authority: (now) => core.authority(now),
      revocation: (node) => core.revocation(node),
      robots: (now) => core.robots(now),
      robotIds: () => core.robotIds(),
      robot: (id, now) => core.robot(id, now),
      explaining: core.explaining,
      introducing: core.introducing,
      exportDocument: () => core.exportDocument(),
    };
  };
}

describe("a run", () => {
  test("SG3 is the same for the same seed, event for event, and another one for another seed", () => {
    const run = (seed: number): string =>
      runScenario(fleetStory({ seed, nodes: 6, minutes: 3 }), { seed, createCore }).hash;
    expect(run(4)).toBe(run(4));
    expect(run(4)).not.toBe(run(5));
  });

  test("SG3 that fails says first how to repeat it", () => {
    const scenario = scenarioOf("small/3/cold/crash/honest/0");
    const mute = patched((effects) => effects.filter(({ type }) => type !== "publish"));
    expect(() => checkScenario(scenario, { seed: 7, createCore: mute })).toThrow(
      /^node packages\/sim\/src\/main\.ts --seed 7 --scenario small\/3\/cold\/crash\/honest\/0\n/,
    );
    expect(replayCommand(fleetStory({ seed: 3 }), 3)).toBe(
      "node packages/sim/src/main.ts --seed 3 --scenario story --nodes 30 --minutes 10",
    );
  });

  test("VE3 enumerates more than a thousand small fleets, each with a name of its own", () => {
    const names = [1, 2, 3, 4, 5].flatMap((nodes) => smallFleets(nodes).map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(1_000);
  });
});

describe("the checks notice", () => {
  test("P2 VE3 a node that never hears of its accusers' verdict, as VIOLATIONS_MAX violations at most", () => {
    const deaf = patched((effects) =>
      effects.filter((effect) => effect.type !== "publish" || effect.topic !== "verdict"),
    );
    const { violations } = runScenario(scenarioOf("small/5/cold/crash/honest/0"), {
      seed: 1,
      createCore: deaf,
    });
    expect(violations.length).toBeGreaterThan(0);
    expect(violations.length).toBeLessThanOrEqual(VIOLATIONS_MAX);
  });

  test("VE3 who stays in doubt of a neighbour when it has the majority again, and not what it says in its first moment there", () => {
    const healedMs = 70_000;
    const cut = { type: "cut", atMs: 40_000, forMs: healedMs - 40_000 } as const;
    const sides = { groupA: [0, 1], groupB: [], isSilent: false, isOneWay: false };
    const base = scenarioOf("small/5/cold/crash/honest/0");
    const scenario: Scenario = { ...base, faults: [{ ...cut, ...sides }], forMs: 100_000 };
    const doubtUntil = (untilMs: number): readonly string[] => {
      const prepare = (fleet: Fleet): void => {
        const word = (status: "up" | "unknown"): void =>
          fleet.board.set(0, 1, { status, reason: undefined, sinceMs: fleet.nowMs });
        fleet.at(healedMs - 500, () => word("unknown"));
        fleet.at(untilMs, () => word("up"));
      };
      const { violations } = runScenario(scenario, { seed: 1, createCore, prepare });
      return violations.map(({ text }) => text);
    };
    expect(doubtUntil(healedMs + 2_000)).toEqual([]);
    const [said = ""] = doubtUntil(healedMs + 5_000);
    expect(said).toMatch(/^node 0 says unknown .* of node 1; alive was due \d{1,3} ms ago$/);
  });

  test("P5 a store that forgot to sync, after a power cut", () => {
    // Everything counts as durable at once, so that much is acknowledged, and none of it is on the disk.
    const lying = patched((effects) =>
      effects.map((effect) => (effect.type === "persist" ? { ...effect, ops: [] } : effect)),
    );
    const scenario = scenarioOf("small/3/cold/restart-after/honest/0");
    const { violations, kpi } = runScenario(scenario, { seed: 1, createCore: lying });
    expect(kpi.acknowledgements).toBeGreaterThan(0);
    const lost = violations.filter(({ rule }) => rule === "P5").map(({ text }) => text);
    expect(lost.join("\n")).toContain("were acknowledged");
    const honest = runScenario(scenario, { seed: 1, createCore });
    expect(honest.kpi.acknowledgements).toBeGreaterThan(0);
    expect(honest.violations).toEqual([]);
  });

  test("P6 an input with more than EFFECTS_MAX effects, and more than WAITING_MAX effects that wait", () => {
    let isFirst = true;
    const chatty = patched((effects) => {
      if (!isFirst) return effects;
      isFirst = false;
      const event = { type: "started", boot: 1 } as const;
      return [
        ...effects,
        ...Array.from({ length: EFFECTS_MAX + 1 }, () => ({ type: "emit", event }) as const),
      ];
    });
    const first = runScenario(scenarioOf("small/1/cold/crash/honest/0"), {
      seed: 1,
      createCore: chatty,
    });
    expect(first.violations.map(({ text }) => text).join()).toContain("effects");
    const stuck = patched((effects) => {
      const event = { type: "started", boot: 1 } as const;
      const waiting = Array.from(
        { length: 100 },
        () => ({ type: "emit", event, after: 1e9 }) as const,
      );
      return [...effects, ...waiting];
    });
    const second = runScenario(scenarioOf("small/1/cold/crash/honest/0"), {
      seed: 1,
      createCore: stuck,
    });
    expect(second.violations.map(({ text }) => text).join()).toContain("wait for its disk");
    expect(WAITING_MAX).toBeLessThan(10_000);
  });
});

describe("the network", () => {
  test("P6 keeps HELD_MAX transmissions for a silently cut link, and INBOX_MAX inputs for a stalled process", () => {
    const fleet = new Fleet({ seed: 1, nodes: 2, network: stallingNetwork, createCore });
    for (const node of fleet.nodes) node.start();
    fleet.runFor(5_000);
    fleet.cut(0, 1, { isSilent: true });
    fleet.node(1).stall(8_000, false);
    for (let i = 0; i < HELD_MAX + 100; i++) fleet.network.send(0, 1, "direct", new Uint8Array(1));
    const arrived: number[] = [];
    fleet.add({
      handled: (node, input) =>
        void (node.index === 1 && input.type === "message" && arrived.push(fleet.nowMs)),
    });
    fleet.runFor(3_000);
    fleet.heal(0, 1);
    fleet.runFor(10_000);
    expect(arrived.length).toBeGreaterThan(HELD_MAX / 2);
    expect(arrived.length).toBeLessThan(HELD_MAX + 100);
    expect(INBOX_MAX).toBeGreaterThan(HELD_MAX);
  });

  test("VE0 a connection that is reset for two seconds changes no verdict, with each model of loss", () => {
    for (const network of [calmNetwork, lossyNetwork, stallingNetwork]) {
      const scenario: Scenario = {
        ...scenarioOf("small/5/cold/broken-link/honest/0"),
        network,
        faults: [
          {
            type: "cut",
            atMs: 40_000,
            forMs: 2_000,
            groupA: [0],
            groupB: [],
            isSilent: false,
            isOneWay: false,
          },
        ],
      };
      const downs: string[] = [];
      const prepare = (fleet: Fleet): void =>
        fleet.add({
          emitted: (_node, event) => void (event.type === "verdict" && downs.push(event.kind)),
        });
      checkScenario(scenario, { seed: 2, createCore, prepare });
      expect(downs).toEqual([]);
    }
  });
});

describe("an attacker", () => {
  const quiet: Scenario = {
    ...scenarioOf("small/5/cold/crash/honest/0"),
    faults: [],
    forMs: 160_000,
  };

  test("P3 PU4 that is a node's only link and hands out its pulses when it is dead revives nothing", () => {
    const scenario: Scenario = {
      ...quiet,
      faults: [
        {
          type: "cut",
          atMs: 40_000,
          forMs: 120_000,
          groupA: [0],
          groupB: [1, 2, 3],
          isSilent: false,
          isOneWay: false,
        },
        { type: "crash", atMs: 70_000, node: 0, how: "power", downMs: Number.POSITIVE_INFINITY },
      ],
    };
    const prepare = (fleet: Fleet): void =>
      addHolder(fleet, { holder: 4, victim: 0, fromMs: 40_000, dripFromMs: 71_000 });
    checkScenario(scenario, { seed: 1, createCore, prepare });
  });

  test("P3 PU4 that holds back every pulse of a fresh boot and hands them out later revives nothing", () => {
    const scenario: Scenario = {
      ...quiet,
      faults: [
        {
          type: "cut",
          atMs: 40_000,
          forMs: 120_000,
          groupA: [0],
          groupB: [1, 2, 3],
          isSilent: false,
          isOneWay: false,
        },
        { type: "crash", atMs: 45_000, node: 0, how: "kill", downMs: 1_000 },
        { type: "crash", atMs: 70_000, node: 0, how: "power", downMs: Number.POSITIVE_INFINITY },
      ],
    };
    const prepare = (fleet: Fleet): void =>
      addHolder(fleet, { holder: 4, victim: 0, fromMs: 46_000, dripFromMs: 71_000 });
    checkScenario(scenario, { seed: 1, createCore, prepare });
  });
});
