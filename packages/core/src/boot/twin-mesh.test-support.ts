/**
 * Whole cores on one virtual clock, of which several may have one key: a disk that was copied. A neighbour has a connection to one process
 * of a key at a time, as the real transport has, and the processes of a key take turns at it. Nothing outside of tests imports it.
 */
import type { Command, CommandResult } from "../command.ts";
import { coreConfig } from "../config.ts";
import type { Core } from "../core-api.ts";
import { createCore } from "../core.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Topic } from "../driver/transport.ts";
import type { Effect } from "../effect.ts";
import type { CoreEvent } from "../event.ts";
import type { NodeId } from "../ids.ts";
import type { Input } from "../input.ts";
import type { Now } from "../now.ts";
import type { Identity, Ports } from "../ports.ts";
import type { FleetView } from "../view/node-view.ts";

const LATENCY_MS = 5;
const SYNC_MS = 3;
const WALL_MS = 1_800_000_000_000;

/** One process; its name is its own, its node id may be another's as well. */
export interface TwinProcess {
  readonly name: string;
  readonly node: NodeId;
  readonly identity: Identity;
  readonly rows: Map<string, Uint8Array>;
  readonly events: { readonly event: CoreEvent; readonly atMs: number }[];
  core: Core | undefined;
  startedMs: number;
}

export class TwinMesh {
  nowMs = 1_000;
  readonly processes = new Map<string, TwinProcess>();
  /** Every gossip message that was published, for replays. */
  readonly published: {
    readonly by: string;
    readonly topic: Topic;
    readonly bytes: Uint8Array;
  }[] = [];
  readonly #queue: { readonly atMs: number; readonly order: number; readonly run: () => void }[] =
    [];
  readonly #links = new Set<string>();
  readonly #seen = new Map<string, Set<string>>();
  readonly #timers = new Map<string, number>();
  readonly #stalled = new Map<TwinProcess, Input[]>();
  readonly #replies = new Map<number, CommandResult>();
  readonly #portsOf: (node: NodeId, name: string) => Ports;
  #order = 0;
  #commands = 0;

  /** `portsOf`: what a process computes with; core has none of its own. */
  constructor(portsOf: (node: NodeId, name: string) => Ports) {
    this.#portsOf = portsOf;
  }

  /** Starts a process on a disk; whom it meets is up to {@link connect}. */
  start(
    name: string,
    node: NodeId,
    rows: Map<string, Uint8Array> = new Map(),
    ports: Ports = this.#portsOf(node, name),
  ): TwinProcess {
    const identity = { fleet: "fleet-of-tests", self: node, name: node, region: "r", agent: "t/1" };
    const core = createCore(ports, identity, coreConfig({}));
    const process: TwinProcess = {
      name,
      node,
      identity,
      rows,
      events: [],
      core,
      startedMs: this.nowMs,
    };
    this.processes.set(name, process);
    this.input(process, { type: "restore", rows: sorted(rows), done: true });
    return process;
  }

  stop(name: string): void {
    for (const other of this.processes.keys()) this.disconnect(name, other);
    this.process(name).core = undefined;
    this.processes.delete(name);
  }

  process(name: string): TwinProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`no process ${name}`);
    return found;
  }

  connect(a: string, b: string): void {
    const key = linkOf(a, b);
    if (this.#links.has(key)) return;
    this.#links.add(key);
    this.#tell(a, b, "peer-up");
    this.#tell(b, a, "peer-up");
  }

  disconnect(a: string, b: string): void {
    if (!this.#links.delete(linkOf(a, b))) return;
    this.#tell(a, b, "peer-down");
    this.#tell(b, a, "peer-down");
  }

  /** From now on the processes take turns at each neighbour, each for `turnMs`; who begins differs from neighbour to neighbour. */
  alternate(names: readonly string[], neighbours: readonly string[], turnMs: number): void {
    for (const [i, neighbour] of neighbours.entries()) {
      const turn = (round: number): void => {
        const alive = names.filter((name) => this.processes.has(name));
        if (alive.length === 0) return;
        const holder = alive[round % alive.length] as string;
        for (const name of alive) if (name !== holder) this.disconnect(name, neighbour);
        this.connect(holder, neighbour);
        this.at(this.nowMs + turnMs, () => turn(round + 1));
      };
      turn(i);
    }
  }

  /** Stops a process for so long (SIGSTOP); what comes for it waits. */
  stall(name: string, forMs: number): void {
    const process = this.process(name);
    const waiting: Input[] = [];
    this.#stalled.set(process, waiting);
    this.at(this.nowMs + forMs, () => {
      this.#stalled.delete(process);
      for (const input of waiting) this.input(process, input);
    });
  }

  /** Gives a command and lets so much time pass; undefined when there was no answer by then. */
  command(name: string, command: Command, forMs: number = 200): CommandResult | undefined {
    const id = this.ask(name, command);
    this.run(forMs);
    return this.answerTo(id);
  }

  /** Gives a command; the answer is at {@link answerTo} once there is one. */
  ask(name: string, command: Command): number {
    this.#commands += 1;
    const id = this.#commands;
    this.input(this.process(name), { type: "command", id, command });
    return id;
  }

  answerTo(id: number): CommandResult | undefined {
    return this.#replies.get(id);
  }

  /** A message of topic `pulse` from nowhere, as somebody who recorded it would send it. */
  replay(to: string, bytes: Uint8Array, from: NodeId): void {
    this.input(this.process(to), { type: "gossip", topic: "pulse", from, bytes });
  }

  at(atMs: number, run: () => void): void {
    this.#order += 1;
    this.#queue.push({ atMs, order: this.#order, run });
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      this.#queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = this.#queue[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  /** Runs until `is`; the milliseconds that it took. */
  runUntil(what: string, withinMs: number, is: () => boolean): number {
    const fromMs = this.nowMs;
    while (!is()) {
      if (this.nowMs - fromMs > withinMs) throw new Error(`waited ${withinMs} ms for ${what}`);
      this.run(10);
    }
    return this.nowMs - fromMs;
  }

  /** The fleet as a running process sees it. */
  viewOf(name: string): FleetView {
    const { core } = this.process(name);
    if (core === undefined) throw new Error(`${name} does not run`);
    return core.fleet(this.#now);
  }

  input(process: TwinProcess, input: Input): void {
    const { core } = process;
    if (core === undefined) return;
    const waiting = this.#stalled.get(process);
    if (waiting !== undefined) {
      waiting.push(input);
      return;
    }
    for (const effect of core.handle(input, this.#now)) {
      if (process.core === core) this.#carryOut(process, core, input, effect);
    }
  }

  get #now(): Now {
    return { monoMs: this.nowMs, wallMs: WALL_MS + this.nowMs };
  }

  #carryOut(process: TwinProcess, core: Core, input: Input, effect: Effect): void {
    // Commits are durable in order and after a constant time, so what waits for one comes that much later.
    const afterMs = "after" in effect && effect.after !== undefined ? SYNC_MS + 1 : 0;
    switch (effect.type) {
      case "persist":
      case "load":
        this.#useDisk(process, core, effect);
        break;
      case "set-timer":
        this.#setTimer(process, core, effect);
        break;
      case "publish":
        this.published.push({ by: process.name, topic: effect.topic, bytes: effect.bytes });
        this.at(this.nowMs + afterMs, () =>
          this.#spread(process.name, effect.topic, effect.bytes, undefined),
        );
        break;
      case "send":
        this.at(this.nowMs + afterMs + LATENCY_MS, () => this.#hand(process, effect));
        break;
      case "emit":
        process.events.push({ event: effect.event, atMs: this.nowMs });
        break;
      case "reply":
        this.at(this.nowMs + afterMs, () => this.#replies.set(effect.id, effect.result));
        break;
      case "validate":
        if (input.type === "gossip" && effect.result === "accept")
          this.#spread(process.name, input.topic, input.bytes, input.from);
        break;
      case "members":
      case "admit":
      case "links":
      case "present":
      case "expel":
        break;
    }
  }

  #useDisk(
    process: TwinProcess,
    core: Core,
    effect: Extract<Effect, { readonly type: "persist" | "load" }>,
  ): void {
    const { rows } = process;
    if (effect.type === "persist") {
      for (const op of effect.ops) {
        if (op.type === "put") rows.set(op.key, op.value);
        else rows.delete(op.key);
      }
    }
    this.at(this.nowMs + SYNC_MS, () => {
      if (process.core !== core) return;
      if (effect.type === "persist") {
        this.input(process, { type: "committed", commit: effect.commit });
        return;
      }
      const { gte, lt, limit } = effect.range;
      const found = sorted(rows).filter(({ key }) => key >= gte && key < lt);
      const page = found.slice(0, limit);
      this.input(process, { type: "loaded", load: effect.load, rows: page, done: true });
    });
  }

  #setTimer(
    process: TwinProcess,
    core: Core,
    effect: Extract<Effect, { readonly type: "set-timer" }>,
  ): void {
    const { id, generation, atMonoMs } = effect;
    const timer = `${process.name}/${process.startedMs}/${id}`;
    this.#timers.set(timer, generation);
    if (!Number.isFinite(atMonoMs)) return;
    this.at(Math.max(this.nowMs, atMonoMs), () => {
      if (process.core !== core || this.#timers.get(timer) !== generation) return;
      this.input(process, { type: "timer", id, generation });
    });
  }

  #hand(
    { name, node: from }: TwinProcess,
    { to, channel, bytes }: Extract<Effect, { readonly type: "send" }>,
  ): void {
    for (const other of this.#neighbours(name))
      if (other.node === to) this.input(other, { type: "message", channel, from, bytes });
  }

  #spread(from: string, topic: Topic, bytes: Uint8Array, except: NodeId | undefined): void {
    const id = `${topic}/${Buffer.from(bytes).toString("base64")}`;
    this.#seenBy(from).add(id);
    for (const other of this.#neighbours(from)) {
      if (other.node === except) continue;
      this.at(this.nowMs + LATENCY_MS, () => {
        if (!this.#links.has(linkOf(from, other.name)) || this.#seenBy(other.name).has(id)) return;
        this.#seenBy(other.name).add(id);
        const { node } = this.processes.get(from) ?? { node: "gone" };
        this.input(other, { type: "gossip", topic, from: node, bytes });
      });
    }
  }

  #seenBy(name: string): Set<string> {
    const seen = this.#seen.get(name) ?? new Set<string>();
    this.#seen.set(name, seen);
    return seen;
  }

  #neighbours(name: string): TwinProcess[] {
    return [...this.processes.values()].filter((other) =>
      this.#links.has(linkOf(name, other.name)),
    );
  }

  #tell(to: string, peer: string, type: "peer-up" | "peer-down"): void {
    const [process, other] = [this.processes.get(to), this.processes.get(peer)];
    if (process === undefined || other === undefined) return;
    const { node } = other;
    this.input(
      process,
      type === "peer-up" ? { type, peer: { node, agent: "t", addresses: [] } } : { type, node },
    );
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

function sorted(rows: ReadonlyMap<string, Uint8Array>): readonly StoreRow[] {
  const keys = [...rows.keys()].toSorted();
  return keys.map((key) => ({ key, value: rows.get(key) as Uint8Array }));
}
