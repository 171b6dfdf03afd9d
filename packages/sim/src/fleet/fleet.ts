/**
 * One run: nodes, network, truth, actors and checks on one virtual clock, all from one seed.
 *
 * @example
 * ```ts
 * const fleet = new Fleet({ seed: 1, nodes: 5, network: calmNetwork, createCore });
 * for (const node of fleet.nodes) node.start();
 * fleet.runFor(30_000);
 * ```
 */
import type { Channel, CoreConfig, CoreEvent, Effect, Input, NodeId, Topic } from "@pulsemesh/core";
import { SeededRandom, TestAuthority, VirtualClock } from "@pulsemesh/testkit";
import type { Check, Violation } from "../checks/check.ts";
import type { Tap } from "../network/endpoint.ts";
import { Network } from "../network/network.ts";
import type { NetworkModel } from "../network/network-model.ts";
import { createNodePorts, createSharedPorts, type SharedPorts } from "../ports/node-ports.ts";
import { WALL_START_MS } from "./node-clock.ts";
import { SimNode, type CoreFactory, type NodeWatcher } from "./sim-node.ts";
import { StatusBoard, type BoardEntry } from "./status-board.ts";
import { Trace } from "./trace.ts";
import { Truth } from "./truth.ts";
import { WireReader } from "./wire-reader.ts";

export interface FleetOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly network: NetworkModel;
  readonly createCore: CoreFactory;
  readonly config?: Partial<CoreConfig> | undefined;
  /** What differs at one node. */
  readonly configOf?: ((index: number) => Partial<CoreConfig>) | undefined;
  /** The region of each node, in its grant and in what it says of itself. @default "eu" and "us" in turn */
  readonly regions?: readonly string[] | undefined;
  /** How many are there from the start, where the others come later one by one. @default all */
  readonly grownFrom?: number | undefined;
  /** Time between two samples of the checks, in ms. @default 250 */
  readonly sampleEveryMs?: number | undefined;
}

/** Violations that are kept; a run that is wrong is often wrong everywhere. */
export const VIOLATIONS_MAX: number = 20;

export class Fleet implements Tap, NodeWatcher {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom;
  readonly shared: SharedPorts;
  /** Whoever grants here; every node is enrolled by it before the run. */
  readonly authority: TestAuthority;
  readonly wire: WireReader;
  readonly nodes: readonly SimNode[];
  readonly network: Network;
  readonly truth: Truth;
  readonly board: StatusBoard;
  readonly trace: Trace = new Trace();
  readonly violations: Violation[] = [];
  /** Members that lie; nothing is expected of what they show. */
  readonly hostile: Set<number> = new Set();
  readonly pulseEveryMs: number;
  /** The region of each node by index. */
  readonly regions: readonly string[];
  readonly #checks: Check[] = [];
  /** Those of the checks that see every input, and every frame: there are millions. */
  readonly #handlers: Check[] = [];
  readonly #senders: Check[] = [];
  #sampleEveryMs: number;
  readonly #lives = new Map<number, number>();
  readonly #indexes = new Map<NodeId, number>();
  #nextSampleMs = 0;
  #isTruthStale = true;

  constructor(options: FleetOptions) {
    this.random = new SeededRandom(options.seed);
    this.shared = createSharedPorts(this.random);
    this.wire = new WireReader(this.shared.codec);
    this.board = new StatusBoard(options.nodes);
    this.#sampleEveryMs = options.sampleEveryMs ?? 250;
    this.pulseEveryMs = options.config?.pulseEveryMs ?? 1_000;
    this.regions = Array.from({ length: options.nodes }, (_, index) => regionOf(options, index));
    const ids = Array.from({ length: options.nodes }, () => this.shared.keys.create());
    for (const [index, id] of ids.entries()) this.#indexes.set(id, index);
    this.authority = new TestAuthority(`seed ${options.seed}`, WALL_START_MS / 1_000 - 3_600);
    const statements = this.#enrol(ids);
    const nodes = ids.map((id, index) => this.#createNode(id, index, options, statements));
    this.nodes = nodes;
    const changed = (): void => this.#truthChanged();
    const { clock, random } = this;
    this.network = new Network(
      {
        clock,
        random: random.fork("network"),
        endpoints: nodes,
        tap: this,
        changed,
        grownFrom: options.grownFrom,
        regions: options.regions,
        isPulse: (channel, bytes) => channel === "direct" && this.wire.pulse(bytes) !== undefined,
      },
      nodes.length,
      options.network,
    );
    this.truth = new Truth({ clock, endpoints: nodes, network: () => this.network }, nodes.length);
    for (const node of nodes) node.attach(this.network);
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  /** The index of a node id, undefined for strangers. */
  indexOf(node: NodeId): number | undefined {
    return this.#indexes.get(node);
  }

  node(index: number): SimNode {
    const node = this.nodes[index];
    if (node === undefined)
      throw new RangeError(`Cannot find node ${index} as the fleet has ${this.nodes.length}.`);
    return node;
  }

  /** What a node says of another one. A reason may change without an event, so where it matters the node itself is asked. */
  statusOf(viewer: number, subject: number): BoardEntry {
    const entry = this.board.get(viewer, subject);
    if (entry.status !== "late" || entry.reason !== "suspected") return entry;
    const node = this.node(viewer);
    const { id } = this.node(subject);
    const view = node.core?.fleet(node.now).nodes.find((other) => other.node === id);
    if (view === undefined) return entry;
    const current = { status: view.status, reason: view.reason, sinceMs: entry.sinceMs };
    this.board.set(viewer, subject, current);
    return current;
  }

  add(check: Check): void {
    this.#checks.push(check);
    if (check.handled !== undefined) this.#handlers.push(check);
    if (check.sent !== undefined) this.#senders.push(check);
  }

  report(rule: string, text: string): void {
    if (this.violations.length < VIOLATIONS_MAX)
      this.violations.push({ rule, atMs: Math.round(this.nowMs), text });
  }

  /** Plans something for a moment of the run. */
  at(atMs: number, act: () => void): void {
    this.clock.call(atMs, act);
  }

  /** Checks look this often from now on. */
  sampleEvery(everyMs: number): void {
    this.#sampleEveryMs = everyMs;
    this.#nextSampleMs = Math.min(this.#nextSampleMs, this.nowMs + everyMs);
  }

  /** Swallows everything between two nodes, either way or one way; without `isSilent` their connection is reset as well. */
  cut(
    a: number,
    b: number,
    how: { readonly isSilent: boolean; readonly isOneWay?: boolean | undefined },
  ): void {
    this.network.links.block(a, b);
    if (how.isOneWay !== true) this.network.links.block(b, a);
    if (how.isSilent) this.network.connections.watchSilence(a, b);
    else this.network.connections.disconnect(a, b);
    this.#truthChanged();
  }

  /** Takes back one {@link cut} made the same way. */
  heal(a: number, b: number, how: { readonly isOneWay?: boolean | undefined } = {}): void {
    this.network.links.unblock(a, b);
    if (how.isOneWay !== true) this.network.links.unblock(b, a);
    this.network.connections.redial(a, b);
    this.#truthChanged();
  }

  /** Gives a node that does not run an empty disk; what it had acknowledged need not survive. */
  replaceDisk(index: number): void {
    const node = this.node(index);
    if (node.isRunning) return;
    node.replaceDisk();
    for (const check of this.#checks) check.diskReplaced?.(node);
  }

  runFor(forMs: number): void {
    this.runUntil(this.nowMs + forMs);
  }

  runUntil(untilMs: number): void {
    while (this.#nextSampleMs <= untilMs) {
      this.clock.runUntil(this.#nextSampleMs);
      this.refreshTruth();
      for (const check of this.#checks) check.sample?.();
      this.#nextSampleMs += this.#sampleEveryMs;
    }
    this.clock.runUntil(untilMs);
  }

  /** Ends the run: checks say their last word. */
  end(): void {
    this.refreshTruth();
    for (const check of this.#checks) check.end?.();
  }

  refreshTruth(): void {
    if (!this.#isTruthStale) return;
    this.#isTruthStale = false;
    this.truth.update();
  }

  handled(node: SimNode, input: Input, effects: readonly Effect[]): void {
    this.trace.number(this.nowMs);
    this.trace.number(node.index * 1_000 + effects.length);
    for (const check of this.#handlers) check.handled?.(node, input, effects);
  }

  emitted(node: SimNode, event: CoreEvent): void {
    this.trace.text(event.type);
    this.refreshTruth();
    if (event.type === "node-status") {
      const subject = this.indexOf(event.node);
      this.trace.text(event.to);
      if (subject !== undefined) {
        this.board.set(node.index, subject, {
          status: event.to,
          reason: event.reason,
          sinceMs: this.nowMs,
        });
      }
    }
    for (const check of this.#checks) check.emitted?.(node, event);
  }

  lifeChanged(node: SimNode): void {
    if (node.isRunning) this.#started(node);
    this.#truthChanged();
    this.refreshTruth();
    for (const check of this.#checks) check.lifeChanged?.(node);
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    this.trace.number(bytes.length);
    for (const check of this.#checks) check.published?.(from, topic, bytes);
  }

  sent(from: number, to: number, channel: Channel, bytes: Uint8Array): void {
    this.trace.number(bytes.length);
    for (const check of this.#senders) check.sent?.(from, to, channel, bytes);
  }

  /** The board of a node is wiped by a start, not by waking up. */
  #started(node: SimNode): void {
    if (this.#lives.get(node.index) === node.life) return;
    this.#lives.set(node.index, node.life);
    this.board.clear(node.index, this.nowMs);
  }

  #truthChanged(): void {
    this.#isTruthStale = true;
  }

  /** What every node knows of the fleet's authority from the start. */
  #enrol(ids: readonly NodeId[]): readonly string[] {
    const root = this.authority.root();
    // Every node is its own gateway, and who asks it is an operator: it retires nodes, too.
    const roles = ["robot", "gateway", "operator"] as const;
    const grants = ids.map((id, index) =>
      this.authority.grant(id, { roles, region: this.regions[index] ?? "" }),
    );
    return [root, this.authority.charter(root), ...grants];
  }

  #createNode(
    id: NodeId,
    index: number,
    options: FleetOptions,
    statements: readonly string[],
  ): SimNode {
    return new SimNode(
      {
        clock: this.clock,
        random: this.random,
        createCore: options.createCore,
        createPorts: (node, random) => createNodePorts(this.shared, node, random),
        identity: {
          fleet: this.authority.fleet,
          self: id,
          name: `node-${index}`,
          region: this.regions[index] ?? "",
          agent: "pulsemesh/sim",
        },
        // Last: a profile has a list of its own, which is empty, and every fleet here is a closed one.
        config: { ...options.config, ...options.configOf?.(index), statements },
        idOf: (other) => this.node(other).id,
        indexOf: (node) => this.indexOf(node),
        watcher: this,
      },
      index,
    );
  }
}

function regionOf({ regions }: FleetOptions, index: number): string {
  return regions?.[index] ?? (index % 2 === 0 ? "eu" : "us");
}
