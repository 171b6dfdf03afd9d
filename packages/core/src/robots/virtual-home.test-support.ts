/**
 * A node with nothing but robots on a virtual clock and a virtual disk: the double that the tests in this folder share.
 * Nothing outside of tests imports it.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { HashChainAudit } from "../audit/hash-chain-audit.ts";
import type { BeatCommand, BeatKind, CommandErrorCode, CommandResult } from "../command.ts";
import type { Schedule } from "../view/schedule.ts";
import { coreConfig, type CoreConfig } from "../config.ts";
import type { StoreOp } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { CoreEvent } from "../event.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import type { FieldWriter, RobotRecord } from "./field-writer.ts";
import type { NodeStanding, NodeStatusPort } from "./node-status-port.ts";
import { Robots } from "./robots.ts";
import type { RobotLiveness } from "./robot-statuses.ts";

const HOUR_MS = 3_600_000;
/** A whole hour, so that the cron line `hourly` is due HOUR_MS later. */
export const WALL_MS: number = 500_000 * HOUR_MS;

/** Ports that are good enough for robots: real codec, a toy hash, and one cron line, `hourly`. */
export function virtualPorts(): Ports {
  return {
    codec: { encode: (value) => dagCbor.encode(value), decode: (bytes) => dagCbor.decode(bytes) },
    hash: { sha256: toyHash },
    signature: { sign: () => new Uint8Array(64), verify: () => true },
    tokens: { read: () => undefined, signerOf: () => undefined },
    cron: {
      nextDueWallMs: (line, _timeZone, afterWallMs) =>
        line === "hourly" ? (Math.floor(afterWallMs / HOUR_MS) + 1) * HOUR_MS : undefined,
    },
    random: { unit: () => 0.5, bytes: (length) => new Uint8Array(length) },
    documents: {} as Ports["documents"],
  };
}

export interface Reply {
  readonly id: number;
  readonly result: CommandResult;
  readonly after: number | undefined;
}

export class VirtualHome implements NodeStatusPort, FieldWriter {
  readonly self: NodeId;
  readonly config: CoreConfig;
  readonly ports: Ports = virtualPorts();
  /** What is durable. */
  readonly rows: Map<string, Uint8Array> = new Map();
  readonly records: Map<RobotId, Map<string, Json>> = new Map();
  /** Who retired a robot; until somebody writes about it. */
  readonly retired: Map<RobotId, NodeId> = new Map();
  /** Who retired a robot that somebody has registered again since; until this node writes about it. */
  readonly hidden: Map<RobotId, NodeId> = new Map();
  /** Who retired a robot without any claim to it. */
  readonly unheeded: Map<RobotId, NodeId> = new Map();
  /** Whose chains claim a robot; where none is named, the author of its record does. */
  readonly claimants: Map<RobotId, Set<NodeId>> = new Map();
  readonly standings: Map<NodeId, NodeStanding> = new Map();
  readonly events: CoreEvent[] = [];
  readonly replies: Reply[] = [];
  readonly commits: (readonly StoreOp[])[] = [];
  readonly writes: { readonly robot: RobotId; readonly pointers: readonly string[] }[] = [];
  readonly restated: RobotId[] = [];
  author: NodeId;
  majority = true;
  monoMs = 1_000_000;
  wallMs: number = WALL_MS;
  pulsesAsked = 0;
  timersSet = 0;
  out: Outbox = new Outbox();
  audit: HashChainAudit;
  robots: Robots;
  #timer: { readonly generation: number; readonly atMonoMs: number } | undefined;
  #nextReply = 1;

  constructor(options: { readonly self?: NodeId; readonly config?: Partial<CoreConfig> } = {}) {
    this.self = options.self ?? "home";
    this.author = this.self;
    this.config = coreConfig(options.config);
    [this.robots, this.audit] = this.#compose();
  }

  get now(): Now {
    return { monoMs: this.monoMs, wallMs: this.wallMs };
  }

  /** Lets time pass, firing the timer `robots` on its date. */
  advance(forMs: number): void {
    const endMonoMs = this.monoMs + forMs;
    for (
      let steps = 0;
      this.#timer !== undefined && this.#timer.atMonoMs <= endMonoMs;
      steps += 1
    ) {
      if (steps > 1_000_000) throw new Error("the timer fires for ever");
      const { generation, atMonoMs } = this.#timer;
      this.#pass(Math.max(0, atMonoMs - this.monoMs));
      this.#timer = undefined;
      if (this.out.timerFired("robots", generation)) this.robots.onTimer(this.now);
      this.settle();
    }
    this.#pass(endMonoMs - this.monoMs);
  }

  /** Time passes while the process does not run: no timer fires, and late ones fire in the next {@link advance}. */
  freeze(forMs: number): void {
    this.#pass(forMs);
  }

  /** Gives one beat and returns its answer, undefined while it waits. */
  beat(
    robot: RobotId,
    kind: BeatKind = "beat",
    rest: Partial<BeatCommand> = {},
  ): CommandResult | undefined {
    const id = this.#nextReply++;
    this.robots.beat(id, { type: "beat", robot, kind, create: "heartbeat", ...rest }, this.now);
    this.settle();
    return this.replies.findLast((reply) => reply.id === id)?.result;
  }

  register(
    robot: RobotId,
    schedule: Schedule,
    rest: { labels?: Record<string, string>; floating?: boolean; origin?: "config" } = {},
  ): CommandResult {
    const id = this.#nextReply++;
    const { labels = {}, ...said } = rest;
    this.robots.register(id, { type: "register", robot, schedule, labels, ...said }, this.now);
    this.settle();
    return this.replies.findLast((reply) => reply.id === id)?.result as CommandResult;
  }

  /** An operator retires a robot at this node. */
  retireRobot(robot: RobotId): CommandResult {
    const id = this.#nextReply++;
    this.robots.retire(id, { type: "retire", robot }, this.now);
    this.robots.onRecord(robot, this.now);
    this.settle();
    return this.replies.findLast((reply) => reply.id === id)?.result as CommandResult;
  }

  /** One pulse of another node, dated `dateMonoMs` (default: now). */
  hear(
    node: NodeId,
    boot: number,
    seq: number,
    beats: unknown,
    dateMonoMs: number = this.monoMs,
  ): void {
    this.robots.onBeats(node, { boot, seq, dateMonoMs }, beats, this.now);
    this.settle();
  }

  /** The verdict about a node, as from liveness. */
  judgeNode(node: NodeId, status: NodeStanding["status"], reason?: NodeStanding["reason"]): void {
    this.standings.set(node, {
      status,
      reason,
      sinceWallMs: this.wallMs,
      sinceMonoMs: this.monoMs,
    });
    this.robots.onNodeStatus(node, this.now);
    this.settle();
  }

  /** Stops the process for `offMs` and starts it from what is durable, on another monotonic clock. */
  restart(offMs = 0, wallStepMs = 0): void {
    this.wallMs += offMs + wallStepMs;
    this.monoMs = 5_000;
    this.out = new Outbox();
    this.#timer = undefined;
    [this.robots, this.audit] = this.#compose();
    const rows = [...this.rows]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
    this.audit.restore(rows);
    this.robots.restore(rows);
    this.robots.start(this.now);
    this.settle();
  }

  view(robot: RobotId): RobotLiveness | undefined {
    return this.robots.view(robot, this.now);
  }

  /** `status` or `status/reason`. */
  says(robot: RobotId): string {
    const view = this.view(robot);
    return view === undefined
      ? "nothing"
      : view.reason === undefined
        ? view.status
        : `${view.status}/${view.reason}`;
  }

  /** Status changes of a robot so far, as `from>to`. */
  changes(robot: RobotId): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === "robot-status" && event.robot === robot
        ? [`${event.from ?? ""}>${event.to}`]
        : [],
    );
  }

  /** Carries out the effects of the input under way. */
  settle(): void {
    this.out.releaseStaged();
    for (const effect of this.out.drain()) {
      if (effect.type === "persist") this.#commit(effect.ops);
      else if (effect.type === "emit") this.events.push(effect.event);
      else if (effect.type === "reply")
        this.replies.push({ id: effect.id, result: effect.result, after: effect.after });
      else if (effect.type === "set-timer") {
        this.#timer = { generation: effect.generation, atMonoMs: effect.atMonoMs };
        this.timersSet += 1;
      }
    }
  }

  /** Why nothing can be written. */
  refusesWrites: CommandErrorCode | undefined;

  write(
    robot: RobotId,
    changes: ReadonlyMap<string, Json | undefined>,
  ): CommandErrorCode | undefined {
    if (this.refusesWrites !== undefined) return this.refusesWrites;
    const record = this.records.get(robot) ?? new Map<string, Json>();
    this.records.set(robot, record);
    if (changes.size > 0) this.retired.delete(robot);
    this.hidden.delete(robot);
    for (const [pointer, value] of changes) {
      if (value === undefined) record.delete(pointer);
      else record.set(pointer, value);
    }
    if (changes.has("/schedule")) this.claim(robot, this.self);
    this.writes.push({ robot, pointers: [...changes.keys()] });
    this.out.persist([
      { type: "put", key: `chain/${this.writes.length}`, value: new Uint8Array() },
    ]);
    return undefined;
  }

  retire(robot: RobotId): CommandErrorCode | undefined {
    if (this.refusesWrites !== undefined) return this.refusesWrites;
    this.write(robot, new Map());
    this.records.delete(robot);
    this.retired.set(robot, this.self);
    return undefined;
  }

  heed(robot: RobotId): void {
    if (this.retired.has(robot)) this.retire(robot);
    this.hidden.delete(robot);
    this.claimants.get(robot)?.delete(this.self);
  }

  restate(robot: RobotId, registration: ReadonlyMap<string, Json>): void {
    this.restated.push(robot);
    this.write(robot, registration);
  }

  /** The chain of a node says the robot's schedule. */
  claim(robot: RobotId, node: NodeId): void {
    this.claimants.set(robot, new Set([...(this.claimants.get(robot) ?? []), node]));
  }

  recordOf(robot: RobotId): RobotRecord | undefined {
    const record = this.records.get(robot);
    const retiredBy = this.retired.get(robot);
    if (retiredBy !== undefined) return { labels: {}, retired: true, retiredBy, claimants: [] };
    if (record === undefined) return undefined;
    const labels: Record<string, string> = {};
    for (const [pointer, value] of record) {
      if (pointer.startsWith("/labels/")) labels[pointer.slice(8)] = value as string;
    }
    const floating = record.get("/floating") === true;
    const [schedule, health] = [record.get("/schedule"), record.get("/health")];
    const { author } = this;
    const claimants = [...(this.claimants.get(robot) ?? (schedule === undefined ? [] : [author]))];
    const [hiddenBy, unheededBy] = [this.hidden.get(robot), this.unheeded.get(robot)];
    const standing = { retired: false, hiddenBy, unheededBy, author, claimants };
    return { schedule, labels, health, floating, ...standing };
  }

  status(node: NodeId): NodeStanding | undefined {
    return this.standings.get(node);
  }

  hasMajority(): boolean {
    return this.majority;
  }

  witnessCount(): { up: number; late: number; down: number; unknown: number; of: number } {
    return { up: 1, late: 0, down: 0, unknown: 0, of: 1 };
  }

  #compose(): [Robots, HashChainAudit] {
    const identity = {
      fleet: "fleet",
      self: this.self,
      name: "home",
      region: "here",
      agent: "test",
    };
    const env: Env = { identity, config: this.config, ports: this.ports, out: this.out };
    const audit = new HashChainAudit(env);
    const requestPulse = (): void => {
      this.pulsesAsked += 1;
    };
    return [new Robots({ env, fields: this, audit, nodes: this, requestPulse }), audit];
  }

  #commit(ops: readonly StoreOp[]): void {
    this.commits.push(ops);
    for (const op of ops) {
      if (op.type === "put") this.rows.set(op.key, op.value);
      else this.rows.delete(op.key);
    }
  }

  #pass(forMs: number): void {
    this.monoMs += forMs;
    this.wallMs += forMs;
  }
}

/** Thirty-two bytes that depend on every byte; of no cryptographic use. */
function toyHash(bytes: Uint8Array): Uint8Array {
  const hash = new Uint8Array(32);
  let state = 2_166_136_261;
  for (const byte of bytes) state = Math.imul(state ^ byte, 16_777_619);
  for (let at = 0; at < 32; at += 1) {
    state = Math.imul(state ^ at, 16_777_619);
    hash[at] = state >>> 24;
  }
  return hash;
}
