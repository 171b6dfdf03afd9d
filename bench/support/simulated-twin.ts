/** The fleet of `bench/calibration.bench.ts` in the simulator: the same nodes, pace and work, over links as libp2p's are. */
import { type CoreEvent, createCore } from "@pulsemesh/core";
import { loopbackNetwork, type Fleet, runScenario, type Scenario } from "@pulsemesh/sim";
import { round } from "./figures.ts";
import type { Work } from "./calibration-worker-main.ts";

export interface TwinSeen {
  /** Of one node a second, in bytes. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Of these, own pulses and those of others that are passed on. */
  readonly pulseBytesOut: number;
  readonly connections: number;
  readonly delaysMs: readonly number[];
}

export interface TwinOptions {
  readonly nodes: number;
  readonly work: Work;
  /** From the start to the window that is measured, and its length. */
  readonly settleMs: number;
  readonly windowMs: number;
}

/** What a run leaves at its end without writing: see `runScenario`. */
const QUIET_MS = 40_000;

export function simulateTwin({ nodes, work, settleMs, windowMs }: TwinOptions): TwinSeen {
  const scenario: Scenario = {
    name: "calibration",
    nodes,
    network: loopbackNetwork,
    regions: Array.from({ length: nodes }, () => "eu"),
    config: { pulseEveryMs: work.pulseEveryMs, syncEveryMs: 30_000 },
    startsMs: Array.from({ length: nodes }, (_, index) => index * 200),
    faults: [],
    liars: [],
    forMs: settleMs + windowMs + QUIET_MS,
    beatEveryMs: work.beatEveryMs,
    patchEveryMs: work.patchEveryMs,
    sampleEveryMs: 1_000,
    patience: 1,
  };
  const traffic: Traffic[] = [];
  let delays: Delays | undefined;
  let connections = 0;
  runScenario(scenario, {
    seed: 1,
    createCore,
    prepare: (fleet) => {
      const seen = new Delays(fleet);
      fleet.add(seen);
      delays = seen;
      fleet.at(settleMs, () => {
        seen.begin();
        traffic.push(trafficOf(fleet));
      });
      fleet.at(settleMs + windowMs, () => {
        seen.end();
        traffic.push(trafficOf(fleet));
        connections = connectionsOf(fleet) / nodes;
      });
    },
  });
  const [before, after] = traffic as [Traffic, Traffic];
  const rate = (of: (each: Traffic) => number): number =>
    (of(after) - of(before)) / nodes / (windowMs / 1_000);
  return {
    pulseBytesOut: round(
      rate(({ pulseBytesOut }) => pulseBytesOut),
      0,
    ),
    bytesOut: round(
      rate(({ bytesOut }) => bytesOut),
      0,
    ),
    bytesIn: round(
      rate(({ bytesIn }) => bytesIn),
      0,
    ),
    connections: round(connections),
    delaysMs: delays?.samples ?? [],
  };
}

interface Traffic {
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly pulseBytesOut: number;
}

function trafficOf({ nodes, network: { traffic } }: Fleet): Traffic {
  const sum = (of: (index: number) => number): number =>
    nodes.reduce((total, { index }) => total + of(index), 0);
  return {
    bytesOut: sum((index) => traffic.of(index, "all").bytesOut),
    bytesIn: sum((index) => traffic.of(index, "all").bytesIn),
    pulseBytesOut: sum((index) => traffic.of(index, "pulses").bytesOut),
  };
}

/** Both ends of each. */
function connectionsOf({ nodes, network: { connections } }: Fleet): number {
  return nodes
    .map(({ index }) =>
      connections.peersOf(index).filter((peer) => connections.areConnected(index, peer)),
    )
    .reduce((total, peers) => total + peers.length, 0);
}

/** From a change at a robot's home until each other node tells it. */
class Delays {
  readonly samples: number[] = [];
  readonly #fleet: Fleet;
  readonly #givenMs = new Map<string, number>();
  #isOn = false;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  begin(): void {
    this.#isOn = true;
  }

  end(): void {
    this.#isOn = false;
  }

  handled(
    node: { readonly index: number },
    input: { readonly type: string; readonly command?: unknown },
  ): void {
    const command = input.command as
      | { readonly type: string; readonly robot: string; readonly patch: object }
      | undefined;
    if (input.type !== "command" || command?.type !== "patch-state") return;
    this.#givenMs.set(nameOf(command.robot, command.patch), this.#fleet.nowMs);
  }

  emitted(node: { readonly index: number }, event: CoreEvent): void {
    if (!this.#isOn || event.type !== "robot-state") return;
    const givenMs = this.#givenMs.get(nameOf(event.robot, event.state));
    if (givenMs !== undefined && event.robot !== `bot-${node.index}`)
      this.samples.push(this.#fleet.nowMs - givenMs);
  }
}

/** Patches of a robot count up. */
function nameOf(robot: string, state: object): string {
  return `${robot} ${Math.max(...Object.values(state).filter((value) => typeof value === "number"))}`;
}
