/**
 * Whole nodes without chains and robots on one virtual clock and a virtual network: the double that tests in this folder share.
 * Nothing outside of tests imports it; ports are handed in, because core has none.
 */
import { coreConfig, type CoreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { Env } from "../env.ts";
import type { CoreEvent, RejectReason } from "../event.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import type { Member, MembershipWithStarts } from "../roster/membership.ts";
import type { RobotNews } from "../robots/pulse-queue.ts";
import type { RegionChange } from "./regions.ts";
import { Neighbourhood } from "./neighbourhood.ts";

const FLEET = "fleet-of-tests";
const LATENCY_MS = 5;
const WALL_MS = 1_800_000_000_000;

/** One node; its effects are carried out by {@link VirtualNeighbours}. */
export interface NeighbourNode {
  readonly id: NodeId;
  readonly env: Env;
  near: Neighbourhood;
  alive: boolean;
  /** Inputs are kept back until it wakes. */
  stalledUntilMs: number;
  readonly inbox: (() => void)[];
  readonly timers: Map<string, { readonly generation: number; readonly atMonoMs: number }>;
  readonly events: CoreEvent[];
  readonly rejects: RejectReason[];
  readonly verdicts: { readonly subject: NodeId; readonly kind: string; readonly atMs: number }[];
  readonly goodbyes: NodeId[];
  readonly regions: { readonly region: string; readonly step: string; readonly atMs: number }[];
  /** Boots above which a new one was asked for. */
  readonly bootsAbove: number[];
  /** What its robots say of themselves. */
  readonly news: RobotNews & { hasNews: boolean };
  /** Since when each time something was to be said again. */
  readonly againMonoMs: number[];
  wallStepMs: number;
  /** Whom it wants to be connected with, as it said last. */
  links: readonly NodeId[];
}

/** Whole nodes without chains and robots, on one virtual clock and a network without loss. */
export class VirtualNeighbours {
  nowMs: number = 1_000;
  readonly nodes: NeighbourNode[] = [];
  readonly cut: Set<string> = new Set();
  /** Loses a message that it returns true for. */
  drop: (message: {
    readonly from: NodeId;
    readonly to: NodeId;
    readonly topic: string;
  }) => boolean = () => false;
  readonly sent: {
    readonly from: NodeId;
    /** Undefined for everybody. */
    readonly to: NodeId | undefined;
    readonly topic: string;
    readonly bytes: Uint8Array;
    readonly atMs: number;
  }[] = [];
  /** Boots of members that everybody has heard of. */
  readonly restarts: { count: number } = { count: 0 };
  readonly #queue: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly #members: Member[] = [];
  readonly #fleet: string;
  readonly #regionOf: (node: NodeId) => string;
  readonly #portsOf: (node: NodeId) => Ports;
  readonly #configOf: (node: NodeId) => CoreConfig;

  constructor(
    names: readonly string[],
    portsOf: (node: NodeId) => Ports,
    config: Partial<CoreConfig> | ((node: NodeId) => Partial<CoreConfig>) = {},
    options: {
      readonly fleet?: string;
      readonly regionOf?: (node: NodeId) => string;
      /** Those of the names that are no members. */
      readonly observers?: readonly NodeId[];
      /** Further members, which never run. */
      readonly absent?: readonly NodeId[];
    } = {},
  ) {
    const { fleet = FLEET, regionOf = () => "r", observers = [], absent = [] } = options;
    this.#fleet = fleet;
    this.#regionOf = regionOf;
    this.#portsOf = portsOf;
    this.#configOf = (node) => ({
      ...coreConfig(typeof config === "function" ? config(node) : config),
      observer: observers.includes(node),
    });
    for (const node of [...names.filter((name) => !observers.includes(name)), ...absent])
      this.#members.push({ node, name: node, region: regionOf(node), agent: "t", joinedMonoMs: 0 });
    for (const name of names) this.#boot(name, 100);
  }

  node(id: NodeId): NeighbourNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }

  status(of: NodeId, at: NodeId): string {
    return this.node(at).near.liveness.subject(of)?.status ?? "none";
  }

  reason(of: NodeId, at: NodeId): string | undefined {
    return this.node(at).near.liveness.subject(of)?.reason;
  }

  crash(id: NodeId): void {
    this.node(id).alive = false;
  }

  restart(id: NodeId, boot: number): void {
    this.nodes.splice(this.nodes.indexOf(this.node(id)), 1);
    this.#boot(id, boot);
  }

  /** Nobody on one side hears anybody on the other. */
  partition(left: readonly NodeId[], right: readonly NodeId[]): void {
    for (const a of left) for (const b of right) this.cut.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  /** Lets one node take an input, then carries out its effects. */
  input(node: NeighbourNode, take: (now: Now) => void): void {
    if (!node.alive) return;
    if (node.stalledUntilMs > this.nowMs) {
      node.inbox.push(() => this.input(node, take));
      return;
    }
    const now = this.clockOf(node);
    node.near.checkAbsence(now);
    take(now);
    node.near.liveness.takeTurn(now);
    node.near.asking.look(now);
    node.near.liveness.statements.flush(now);
    for (const effect of node.env.out.drain()) this.#carryOut(node, effect);
  }

  clockOf(node: NeighbourNode): Now {
    return { monoMs: this.nowMs, wallMs: WALL_MS + this.nowMs + node.wallStepMs };
  }

  stall(id: NodeId, forMs: number): void {
    const node = this.node(id);
    node.stalledUntilMs = this.nowMs + forMs;
    this.at(node.stalledUntilMs, () => {
      for (const run of node.inbox.splice(0)) run();
    });
  }

  at(atMs: number, run: () => void): void {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, { atMs, run });
  }

  deliver(topic: string, bytes: Uint8Array, from: NodeId, to: NeighbourNode): void {
    this.input(to, (now) => {
      if (topic === "pulse") to.near.onGossipPulse(from, bytes, now);
      else if (topic === "verdict") to.near.onGossipObservation(from, bytes, now);
      else to.near.onDirect(from, bytes, now);
    });
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  #boot(id: NodeId, boot: number): void {
    const out = new Outbox();
    const env = {
      identity: { fleet: this.#fleet, self: id, name: id, region: this.#regionOf(id), agent: "t" },
      config: this.#configOf(id),
      ports: this.#portsOf(id),
      out,
    };
    const members = this.#members;
    const facts = nothingYet();
    const { goodbyes, bootsAbove, rejects, verdicts, regions, news } = facts;
    const membership = membershipOf(members, goodbyes, this.restarts);
    const listener = {
      accused: () => {},
      verdict: (subject: { readonly node: NodeId }, kind: string) =>
        verdicts.push({ subject: subject.node, kind, atMs: this.nowMs }),
      statusChanged: () => {},
      quietChanged: () => {},
      regionChanged: ({ outage, step }: RegionChange) =>
        regions.push({ region: outage.to, step, atMs: this.nowMs }),
      news,
      pulseParts: () => ({ heads: [], auditSize: 0, auditHash: new Uint8Array(32), beats: [] }),
      pulse: () => {},
      goodbye: (from: NodeId) => goodbyes.push(from),
      rejected: (reason: RejectReason) => rejects.push(reason),
      bootAbove: (above: number) => bootsAbove.push(above),
      twin: () => {},
    };
    const near = new Neighbourhood({ env, membership, listener });
    const node: NeighbourNode = {
      id,
      env,
      near,
      alive: true,
      stalledUntilMs: 0,
      inbox: [],
      timers: new Map(),
      ...facts,
      wallStepMs: 0,
      links: [],
    };
    this.nodes.push(node);
    this.input(node, (now) => {
      near.liveness.start(now);
      near.pulses.start(boot, now);
      for (const other of this.nodes) if (other !== node) near.onPeerUp(other.id);
    });
    // Who is no member is heard by those alone who know that it is connected.
    if (env.config.observer)
      for (const other of this.nodes)
        if (other !== node) this.input(other, () => other.near.onPeerUp(id));
  }

  #carryOut(node: NeighbourNode, effect: Effect): void {
    if (effect.type === "publish" || effect.type === "send") {
      const topic = effect.type === "publish" ? effect.topic : "direct";
      const to = effect.type === "send" ? effect.to : undefined;
      this.sent.push({ from: node.id, to, topic, bytes: effect.bytes, atMs: this.nowMs });
      const targets = this.nodes.filter(
        ({ id }) =>
          id !== node.id &&
          (effect.type === "publish" || id === effect.to) &&
          !this.cut.has(`${node.id}>${id}`) &&
          !this.drop({ from: node.id, to: id, topic }),
      );
      for (const { id } of targets) {
        this.at(this.nowMs + LATENCY_MS, () => {
          const target = this.nodes.find((other) => other.id === id);
          if (target !== undefined) this.deliver(topic, effect.bytes, node.id, target);
        });
      }
    } else if (effect.type === "set-timer") {
      node.timers.set(effect.id, effect);
      this.at(effect.atMonoMs, () => {
        this.input(node, (now) => {
          if (
            node.timers.get(effect.id) !== effect ||
            !node.env.out.timerFired(effect.id, effect.generation)
          )
            return;
          if (effect.id === "pulse") node.near.pulses.onTimer(now);
          if (effect.id === "watch") node.near.liveness.tick(now);
        });
      });
    } else if (effect.type === "links") {
      node.links = effect.nodes;
    } else if (effect.type === "emit") {
      node.events.push(effect.event);
    }
  }
}

type NeighbourFacts = Pick<
  NeighbourNode,
  "events" | "rejects" | "verdicts" | "goodbyes" | "regions" | "bootsAbove" | "news" | "againMonoMs"
>;

function nothingYet(): NeighbourFacts {
  const againMonoMs: number[] = [];
  const news = {
    hasNews: false,
    tellAgain: (sinceMonoMs: number) => void againMonoMs.push(sinceMonoMs),
  };
  const seen = { events: [], rejects: [], verdicts: [], goodbyes: [], regions: [], bootsAbove: [] };
  return { ...seen, news, againMonoMs };
}

/** Who counts for one node: all but those that it heard say goodbye. */
function membershipOf(
  members: readonly Member[],
  goodbyes: readonly NodeId[],
  restarts: { readonly count: number },
): MembershipWithStarts {
  const isIn = ({ node }: Member): boolean => !goodbyes.includes(node);
  return {
    members: () => members.filter(isIn),
    member: (node) => members.find((member) => member.node === node && isIn(member)),
    hasLeft: (node) => goodbyes.includes(node),
    hasRetired: () => false,
    ending: () => undefined,
    get version() {
      return 1 + goodbyes.length;
    },
    get starts() {
      return restarts.count;
    },
  };
}
