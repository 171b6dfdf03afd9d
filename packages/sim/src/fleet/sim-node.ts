/**
 * The driver of one simulated node: one input into core, then every effect of it, then the next input (STYLE rule 9). It does what the
 * real driver does (commits, timers, streams, restore) on virtual time, and what only a simulation can: stall, suspend, lose power.
 */
import { coreConfig } from "@pulsemesh/core";
import type {
  Channel,
  Command,
  CommandResult,
  Core,
  CoreConfig,
  CoreEvent,
  Effect,
  Identity,
  Input,
  NodeId,
  Now,
  Ports,
  TimerId,
} from "@pulsemesh/core";
import { SimulatedDisk, type SeededRandom, type VirtualClock } from "@pulsemesh/testkit";
import type { Endpoint } from "../network/endpoint.ts";
import type { GossipMessage } from "../network/gossip-message.ts";
import type { Network } from "../network/network.ts";
import { DiskWriter } from "./disk-writer.ts";
import { EffectLanes } from "./effect-lanes.ts";
import { NodeClock } from "./node-clock.ts";

/** Messages that wait for a stalled process; its sockets take no more. */
export const INBOX_MAX: number = 20_000;
const RESTORE_PAGE_ROWS = 256;
const END_OF_KEYS = "\u{10ffff}";
/** How late a timer may fire, and how often one that was replaced fires all the same. */
const TIMER_LATE_MS = 2;
const STALE_TIMER_SHARE = 0.002;

export type CoreFactory = (ports: Ports, identity: Identity, config: CoreConfig) => Core;

export interface SimNodeDeps {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly createCore: CoreFactory;
  readonly createPorts: (node: NodeId, random: SeededRandom) => Ports;
  readonly identity: Identity;
  readonly config: Partial<CoreConfig>;
  readonly idOf: (index: number) => NodeId;
  readonly indexOf: (node: NodeId) => number | undefined;
  readonly watcher: NodeWatcher;
}

/** Is told of everything that happens at a node, as it happens. */
export interface NodeWatcher {
  handled(node: SimNode, input: Input, effects: readonly Effect[]): void;
  emitted(node: SimNode, event: CoreEvent): void;
  /** Processes came, went, stalled or woke. */
  lifeChanged(node: SimNode): void;
}

type Delivery = { readonly input: Input; readonly message: GossipMessage | undefined };

export class SimNode implements Endpoint {
  readonly index: number;
  readonly id: NodeId;
  readonly clock: NodeClock;
  readonly #deps: SimNodeDeps;
  readonly #random: SeededRandom;
  #disk: SimulatedDisk;
  #disks = 0;
  #config: Partial<CoreConfig>;
  #network: Network | undefined;
  #core: Core | undefined;
  #writer: DiskWriter | undefined;
  #lanes = new EffectLanes();
  #timers = new Map<TimerId, number>();
  #inbox: Delivery[] = [];
  #overdue: TimerTask[] = [];
  #life = 0;
  #isStalled = false;
  #commandId = 0;
  readonly #replies = new Map<number, (result: CommandResult) => void>();

  constructor(deps: SimNodeDeps, index: number) {
    this.#deps = deps;
    this.index = index;
    this.id = deps.identity.self;
    this.#config = deps.config;
    this.#random = deps.random.fork(`node-${index}`);
    this.clock = new NodeClock(this.#random.fork("clock"));
    this.#disk = this.#createDisk();
  }

  get disk(): SimulatedDisk {
    return this.#disk;
  }

  get isRunning(): boolean {
    return this.#core !== undefined;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Grows with every start. */
  get life(): number {
    return this.#life;
  }

  /** The running core, to be read. */
  get core(): Core | undefined {
    return this.#core;
  }

  /** Effects that wait for the disk. */
  get waiting(): number {
    return this.#lanes.size;
  }

  get now(): Now {
    return this.clock.now(this.#deps.clock.nowMs);
  }

  attach(network: Network): void {
    this.#network = network;
  }

  /** Changes what its next start is configured with. */
  configure(config: Partial<CoreConfig>): void {
    this.#config = { ...this.#config, ...config };
  }

  /** Takes the disk out and puts an empty one in; the process must not run. */
  replaceDisk(): void {
    if (this.#core === undefined) this.#disk = this.#createDisk();
  }

  /** Starts the process on what its disk holds. */
  start(): void {
    if (this.#core !== undefined) return;
    this.#life += 1;
    const { clock, createCore, createPorts, identity } = this.#deps;
    const random = this.#random.fork(`life-${this.#life}`);
    const life = this.#life;
    this.#writer = new DiskWriter({
      clock,
      random: random.fork("sync"),
      disk: this.disk,
      durable: (commit) => {
        if (life !== this.#life) return;
        for (const effect of this.#lanes.committed(commit)) this.#perform(effect);
        this.#take({ type: "committed", commit });
      },
    });
    this.#core = createCore(createPorts(this.id, random), identity, coreConfig(this.#config));
    this.#deps.watcher.lifeChanged(this);
    const rows = this.disk.scan({ gte: "", lt: END_OF_KEYS });
    for (let at = 0; at === 0 || at < rows.length; at += RESTORE_PAGE_ROWS) {
      const page = rows.slice(at, at + RESTORE_PAGE_ROWS);
      this.#take({ type: "restore", rows: page, done: at + RESTORE_PAGE_ROWS >= rows.length });
    }
    this.#network?.connections.nodeStarted(this.index);
  }

  /** `kill -9` keeps the page cache; `power` loses what was not synced, tears the last write and resets the monotonic clock. */
  stop(how: "kill" | "power"): void {
    if (this.#core === undefined) return;
    this.#core = undefined;
    this.#life += 1;
    this.#writer?.close();
    this.#lanes = new EffectLanes();
    this.#timers = new Map();
    this.#inbox = [];
    this.#overdue = [];
    this.#isStalled = false;
    this.#replies.clear();
    if (how === "power") {
      this.disk.crash({ tear: true });
      this.clock.rebooted(this.#deps.clock.nowMs);
    } else {
      this.disk.sync();
    }
    this.#deps.watcher.lifeChanged(this);
    this.#network?.connections.nodeStopped(this.index, how);
  }

  /** The process is not scheduled for so long; a suspended machine's monotonic clock stands still meanwhile. */
  stall(forMs: number, isSuspended: boolean): void {
    if (this.#core === undefined || this.#isStalled) return;
    this.#isStalled = true;
    const life = this.#life;
    const connections = this.#network?.connections;
    for (const peer of connections?.peersOf(this.index) ?? [])
      connections?.watchSilence(this.index, peer);
    this.#deps.watcher.lifeChanged(this);
    this.#deps.clock.call(this.#deps.clock.nowMs + forMs, () => {
      if (life !== this.#life || !this.#isStalled) return;
      if (isSuspended) this.clock.suspended(forMs, this.#deps.clock.nowMs);
      this.#wake(forMs);
    });
  }

  command(command: Command, reply: (result: CommandResult) => void = () => undefined): void {
    if (this.#core === undefined) return;
    const id = ++this.#commandId;
    this.#replies.set(id, reply);
    this.#take({ type: "command", id, command });
  }

  gossip(message: GossipMessage, from: number): void {
    const { topic, bytes } = message;
    this.#take({ type: "gossip", topic, from: this.#deps.idOf(from), bytes }, message);
  }

  frame(channel: Channel, from: number, bytes: Uint8Array): void {
    this.#take({ type: "message", channel, from: this.#deps.idOf(from), bytes });
  }

  peerUp(peer: number): void {
    this.#take({
      type: "peer-up",
      peer: { node: this.#deps.idOf(peer), agent: "sim", addresses: [] },
    });
  }

  peerDown(peer: number): void {
    this.#take({ type: "peer-down", node: this.#deps.idOf(peer) });
  }

  timer(task: TimerTask): void {
    if (this.#core === undefined || task.life !== this.#life) return;
    const isStale = this.#timers.get(task.id) !== task.generation;
    if (isStale && !this.#random.chance(STALE_TIMER_SHARE)) return;
    if (this.#isStalled) {
      this.#overdue.push(task);
      return;
    }
    const { nowMs } = this.#deps.clock;
    if (!isStale && this.clock.monoMs(nowMs) < task.atMonoMs) {
      this.#deps.clock.at(this.clock.virtualMs(task.atMonoMs) + 0.001, task);
      return;
    }
    this.#take({ type: "timer", id: task.id, generation: task.generation });
  }

  #createDisk(): SimulatedDisk {
    this.#disks += 1;
    const random = this.#random.fork(this.#disks === 1 ? "disk" : `disk-${this.#disks}`);
    return new SimulatedDisk({ random: () => random.unit() });
  }

  #wake(afterMs: number): void {
    this.#isStalled = false;
    this.#deps.watcher.lifeChanged(this);
    const inbox = this.#inbox;
    const overdue = this.#overdue;
    this.#inbox = [];
    this.#overdue = [];
    // Messages before timers, as the driver orders them; but a loop may well run its timers first.
    const isTimersFirst = this.#random.chance(0.3);
    if (isTimersFirst) for (const task of overdue) this.timer(task);
    for (const { input, message } of inbox) this.#take(input, message);
    if (!isTimersFirst) for (const task of overdue) this.timer(task);
    this.#take({ type: "lag", lagMs: afterMs });
    const { connections } = this.#network as Network;
    for (const peer of connections.peersOf(this.index)) connections.redial(this.index, peer);
  }

  #take(input: Input, message?: GossipMessage): void {
    if (this.#core === undefined) return;
    if (this.#isStalled) {
      if (this.#inbox.length < INBOX_MAX) this.#inbox.push({ input, message });
      return;
    }
    const effects = this.#core.handle(input, this.now);
    this.#deps.watcher.handled(this, input, effects);
    const life = this.#life;
    for (const effect of effects) {
      if (life !== this.#life) return;
      if (effect.type === "validate") {
        if (effect.result === "accept" && message !== undefined)
          this.#network?.forward(message, this.index);
      } else if (effect.type === "persist") {
        this.#persist(effect);
      } else if (!waits(effect) || this.#lanes.admit(effect)) {
        this.#perform(effect);
      }
    }
  }

  #persist(effect: Effect & { readonly type: "persist" }): void {
    try {
      this.#writer?.write(effect.commit, effect.ops);
    } catch {
      this.#restartSoon();
    }
  }

  #perform(effect: Effect): void {
    const { clock, indexOf, watcher } = this.#deps;
    switch (effect.type) {
      case "publish":
        this.#network?.publish(this.index, effect.topic, effect.bytes);
        break;
      case "send": {
        const to = indexOf(effect.to);
        if (to !== undefined) this.#network?.send(this.index, to, effect.channel, effect.bytes);
        break;
      }
      case "set-timer":
        this.#timers.set(effect.id, effect.generation);
        if (Number.isFinite(effect.atMonoMs)) {
          const lateMs = this.#random.between(0.01, TIMER_LATE_MS);
          clock.at(
            this.clock.virtualMs(effect.atMonoMs) + lateMs,
            new TimerTask(this, this.#life, effect),
          );
        }
        break;
      case "load": {
        const rows = this.disk.scan(effect.range);
        const life = this.#life;
        clock.call(clock.nowMs + this.#random.between(0.1, 2), () => {
          if (life === this.#life)
            this.#take({ type: "loaded", load: effect.load, rows, done: true });
        });
        break;
      }
      case "emit":
        watcher.emitted(this, effect.event);
        break;
      case "reply":
        this.#replies.get(effect.id)?.(effect.result);
        this.#replies.delete(effect.id);
        break;
      case "links":
        // Here all of them get one, so their order says nothing, and is not to change a run.
        this.#network?.connections.want(
          this.index,
          effect.nodes.toSorted().flatMap((node) => indexOf(node) ?? []),
        );
        break;
      case "validate":
      case "admit":
      case "present":
      case "expel":
      case "persist":
      case "members":
        break;
    }
  }

  /** A commit failed: core is rebuilt from disk (rule DU1). */
  #restartSoon(): void {
    const { clock } = this.#deps;
    const life = this.#life;
    clock.call(clock.nowMs + 50, () => {
      if (life !== this.#life) return;
      this.stop("kill");
      this.start();
    });
  }
}

/** One firing of a timer, planned when it was set. */
class TimerTask {
  readonly #node: SimNode;
  readonly life: number;
  readonly id: TimerId;
  readonly generation: number;
  readonly atMonoMs: number;

  constructor(
    node: SimNode,
    life: number,
    effect: { id: TimerId; generation: number; atMonoMs: number },
  ) {
    this.#node = node;
    this.life = life;
    this.id = effect.id;
    this.generation = effect.generation;
    this.atMonoMs = effect.atMonoMs;
  }

  run(): void {
    this.#node.timer(this);
  }
}

function waits(effect: Effect): boolean {
  return (
    effect.type === "publish" ||
    effect.type === "send" ||
    effect.type === "emit" ||
    effect.type === "reply"
  );
}
