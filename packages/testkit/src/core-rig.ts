/**
 * One core on a bench: the test is its driver and decides when a commit is durable, a load answered, a timer due. Nothing happens by
 * itself, so that what a core does *before* its disk has answered can be looked at, which every real driver hides.
 */
import {
  coreConfig,
  createCore,
  type Core,
  type CoreConfig,
  type Effect,
  type FleetId,
  type Input,
  type NodeId,
  type Now,
  type Ports,
  type StoreOp,
  type StoreRange,
  type StoreRow,
  type TimerId,
} from "@pulsemesh/core";
import { createTestPorts } from "./test-ports.ts";

export interface CoreRigOptions {
  readonly config?: Partial<CoreConfig> | undefined;
  /** What an earlier life left on disk. */
  readonly rows?: Map<string, Uint8Array> | undefined;
  readonly ports?: Ports | undefined;
  /** @default {@link RIG_FLEET} */
  readonly fleet?: FleetId | undefined;
  /** Where the wall clock starts. */
  readonly wallMs?: number | undefined;
}

/** Wall time at which a rig starts: in 2027. */
export const RIG_WALL_MS: number = 1_800_000_000_000;
export const RIG_FLEET: string = "fleet-of-tests";
const STEPS_MAX = 100_000;

export class CoreRig {
  readonly node: NodeId;
  readonly core: Core;
  /** What is durable. */
  readonly rows: Map<string, Uint8Array>;
  monoMs = 1_000;
  wallMs: number;
  /** Commits that are not durable yet. */
  readonly writing: { readonly commit: number; readonly ops: readonly StoreOp[] }[] = [];
  readonly #loads: { readonly load: number; readonly range: StoreRange }[] = [];
  readonly #timers = new Map<TimerId, { readonly generation: number; readonly atMonoMs: number }>();

  constructor(node: NodeId, options: CoreRigOptions = {}) {
    this.node = node;
    this.rows = options.rows ?? new Map<string, Uint8Array>();
    this.wallMs = options.wallMs ?? RIG_WALL_MS;
    const identity = {
      fleet: options.fleet ?? RIG_FLEET,
      self: node,
      name: node,
      region: "r",
      agent: "test/1",
    };
    const ports = options.ports ?? createTestPorts(node);
    this.core = createCore(ports, identity, coreConfig(options.config));
  }

  get now(): Now {
    return { monoMs: this.monoMs, wallMs: this.wallMs };
  }

  /** Hands over the rows; core is about to make its boot durable then. */
  restore(): readonly Effect[] {
    return this.input({ type: "restore", rows: this.#scan({ gte: "", lt: "~" }), done: true });
  }

  /** Restores and makes everything durable: a running node. */
  start(): readonly Effect[] {
    return [...this.restore(), ...this.settle()];
  }

  /** One input, and its effects in order. Nothing is carried out but timers being set. */
  input(input: Input): readonly Effect[] {
    const effects = this.core.handle(input, this.now);
    for (const effect of effects) {
      if (effect.type === "persist") this.writing.push(effect);
      else if (effect.type === "load") this.#loads.push(effect);
      else if (effect.type === "set-timer") this.#timers.set(effect.id, effect);
    }
    return effects;
  }

  /** Makes every commit durable and answers every load, and those that follow from it. */
  settle(): readonly Effect[] {
    const effects: Effect[] = [];
    for (let step = 0; step < STEPS_MAX; step++) {
      const write = this.writing.shift();
      const load = write === undefined ? this.#loads.shift() : undefined;
      if (write !== undefined) {
        for (const op of write.ops) {
          if (op.type === "put") this.rows.set(op.key, op.value);
          else this.rows.delete(op.key);
        }
        effects.push(...this.input({ type: "committed", commit: write.commit }));
      } else if (load !== undefined) {
        const rows = this.#scan(load.range);
        effects.push(...this.input({ type: "loaded", load: load.load, rows, done: true }));
      } else {
        return effects;
      }
    }
    throw new Error("Cannot settle the core: every commit asks for another one.");
  }

  /** Lets time pass in steps of at most `stepMs`, fires what is due and settles. */
  advance(forMs: number, stepMs: number = 50): readonly Effect[] {
    return this.#pass(forMs, stepMs, () => this.settle());
  }

  /** The same on a disk that takes nothing: what is written waits until {@link settle}. */
  stall(forMs: number, stepMs: number = 50): readonly Effect[] {
    return this.#pass(forMs, stepMs, () => []);
  }

  #pass(forMs: number, stepMs: number, settle: () => readonly Effect[]): readonly Effect[] {
    const effects: Effect[] = [];
    for (let leftMs = forMs; leftMs > 0; leftMs -= stepMs) {
      this.monoMs += Math.min(stepMs, leftMs);
      this.wallMs += Math.min(stepMs, leftMs);
      for (const [id, { generation, atMonoMs }] of this.#timers) {
        if (atMonoMs > this.monoMs) continue;
        this.#timers.delete(id);
        effects.push(...this.input({ type: "timer", id, generation }));
      }
      effects.push(...settle());
    }
    return effects;
  }

  #scan({ gte, lt, limit }: StoreRange): readonly StoreRow[] {
    const keys = [...this.rows.keys()].filter((key) => key >= gte && key < lt).toSorted();
    return keys.slice(0, limit).map((key) => ({ key, value: this.rows.get(key) as Uint8Array }));
  }
}
