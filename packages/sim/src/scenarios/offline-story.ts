/**
 * A fleet of which node 0 is cut off for long while both sides go on writing (promise P9): what the tests of it share. Pulses are a minute
 * apart, so that weeks of virtual time cost seconds.
 */
import { createCore, type Command, type CoreConfig } from "@pulsemesh/core";
import { BoundsCheck } from "../checks/bounds-check.ts";
import { ConvergenceCheck } from "../checks/convergence-check.ts";
import { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";

export const AWAY = 0;
export const MINUTE_MS = 60_000;
export const HOUR_MS: number = 60 * MINUTE_MS;
export const DAY_MS: number = 24 * HOUR_MS;

/** What it took until all nodes showed the same, from the healing of the cut on. */
export interface Healing {
  readonly ms: number;
  readonly bytes: number;
}

/** What a node has on disk, in rows and in bytes of keys and values. */
export interface OnDisk {
  readonly rows: number;
  readonly bytes: number;
}

export class OfflineStory {
  readonly fleet: Fleet;
  /** The newest acknowledged value of each field that one node alone writes, by robot. */
  readonly acknowledged: Map<string, Map<string, number>> = new Map();
  readonly refused: string[] = [];
  writes: number = 0;
  /** Own snapshots written, by node. */
  readonly compactions: number[];
  #bytes = 0;

  constructor(nodes: number, config: Partial<CoreConfig> = {}) {
    this.fleet = new Fleet({
      seed: 1,
      nodes,
      network: calmNetwork,
      createCore,
      config: {
        pulseEveryMs: MINUTE_MS,
        syncEveryMs: 10 * MINUTE_MS,
        robotEveryMs: DAY_MS,
        robotGraceMs: 30 * DAY_MS,
        ...config,
      },
      configOf: (index) => (index === AWAY ? { mayBeOfflineMs: 60 * DAY_MS } : {}),
      sampleEveryMs: MINUTE_MS,
    });
    this.compactions = this.fleet.nodes.map(() => 0);
    const { fleet } = this;
    fleet.add(new BoundsCheck(fleet));
    fleet.add(new ConvergenceCheck(fleet));
    fleet.add({
      sent: (_from, _to, _channel, bytes) => void (this.#bytes += bytes.length),
      published: (_from, _topic, bytes) => void (this.#bytes += bytes.length),
      handled: (node, _input, effects) => {
        for (const effect of effects) {
          if (effect.type !== "persist") continue;
          const isOwn = effect.ops.some(
            ({ type, key }) => type === "del" && key.startsWith(`chain/reported/${node.id}/`),
          );
          if (isOwn) this.compactions[node.index] = (this.compactions[node.index] as number) + 1;
        }
      },
      emitted: (node, event) => {
        if (event.type === "forked") fleet.report("P5", `node ${node.index} holds a fork`);
      },
    });
    for (const node of fleet.nodes) node.start();
    fleet.at(3 * MINUTE_MS, () => {
      for (const { index } of fleet.nodes) this.beat(index, robotOf(index));
    });
    fleet.runUntil(10 * MINUTE_MS);
  }

  beat(node: number, robot: string): void {
    this.command(node, { type: "beat", robot, kind: "beat", create: "heartbeat" });
  }

  command(node: number, command: Command, done: () => void = () => undefined): void {
    this.fleet.node(node).command(command, (result) => {
      if (result.ok) done();
      else this.refused.push(`${command.type} at node ${node}: ${result.code}`);
    });
  }

  /** Sets a field to the number of this write, which must be shown by everybody in the end. */
  write(node: number, robot: string, field: string): void {
    const value = ++this.writes;
    const patch = { [field]: value };
    this.command(node, { type: "patch-state", robot, patch }, () => {
      const fields = this.acknowledged.get(robot) ?? new Map<string, number>();
      this.acknowledged.set(robot, fields.set(field, value));
    });
  }

  /** Calls `act` at this pace until `untilMs`. */
  every(everyMs: number, untilMs: number, act: () => void): void {
    const { fleet } = this;
    const step = (): void => {
      if (fleet.nowMs + everyMs <= untilMs) fleet.at(fleet.nowMs + everyMs, step);
      act();
    };
    fleet.at(fleet.nowMs + everyMs, step);
  }

  restart(node: number, how: "kill" | "power"): void {
    this.fleet.node(node).stop(how);
    this.fleet.node(node).start();
  }

  /** The rows of a node whose keys begin like this. */
  onDisk(node: number, prefix: string): OnDisk {
    const rows = this.fleet.node(node).disk.scan({ gte: prefix, lt: `${prefix}\u{10ffff}` });
    const bytes = rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    return { rows: rows.length, bytes };
  }

  cutOff(): void {
    for (const { index } of this.fleet.nodes)
      if (index !== AWAY) this.fleet.cut(AWAY, index, { isSilent: true });
  }

  /** Heals the cut and waits until all running nodes show the same, at most so long. */
  heal(waitMsMax: number): Healing | undefined {
    const { fleet } = this;
    const startMs = fleet.nowMs;
    for (const { index } of fleet.nodes) if (index !== AWAY) fleet.heal(AWAY, index);
    this.#bytes = 0;
    while (fleet.nowMs - startMs < waitMsMax) {
      fleet.runFor(100);
      if (new Set(this.hashes()).size === 1)
        return { ms: Math.round(fleet.nowMs - startMs), bytes: this.#bytes };
    }
    return undefined;
  }

  hashes(): readonly string[] {
    return this.fleet.nodes.flatMap(({ core, now }) => core?.fleet(now).documentHash ?? []);
  }

  /** Acknowledged writes that a running node does not show. */
  missing(): readonly string[] {
    return this.fleet.nodes.flatMap(({ core, index, now }) => {
      if (core === undefined) return [];
      return [...this.acknowledged].flatMap(([robot, fields]) => {
        const state = core.robot(robot, now)?.state;
        return [...fields]
          .filter(([field, value]) => state?.[field] !== value)
          .map(([field, value]) => `node ${index}: ${robot}.${field} is not ${value}`);
      });
    });
  }
}

export function robotOf(node: number): string {
  return `bot-${node}`;
}
