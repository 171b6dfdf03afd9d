/**
 * Several nodes with nothing but chains on a virtual clock, virtual disks and a virtual network: the double that tests in chain/, state/
 * and sync/ share. Nothing outside of tests imports it; hash and documents are handed in, because core has neither.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { HashChainAudit } from "../audit/hash-chain-audit.ts";
import { AuthorityKeeper } from "../authority/authority-keeper.ts";
import { coreConfig, type CoreConfig } from "../config.ts";
import type { StoreRange, StoreRow } from "../driver/store.ts";
import type { Topic } from "../driver/transport.ts";
import type { Effect } from "../effect.ts";
import type { Env } from "../env.ts";
import type { CoreEvent } from "../event.ts";
import { compareText, type NodeId, type RobotId } from "../ids.ts";
import type { TimerId } from "../input.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import type { DocumentsPort, Ports, TokenPort } from "../ports.ts";
import type { PatchResult } from "../state/records.ts";
import { Chains } from "./chains.ts";

export interface VirtualDeps {
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  readonly documents: () => DocumentsPort;
  /** @default none can be read, so that the fleet stays open */
  readonly tokens?: TokenPort | undefined;
  /** @default `fleet` */
  readonly fleet?: string | undefined;
}

const WALL_MS: number = 1_800_000_000_000;
const STEP_LIMIT = 200_000;
const ANSWERS_LIMIT = 2_000;
/** Few, so that an epoch lies across several pages. */
const PAGE_ROWS = 3;

export interface VirtualFrame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly kind: "sync" | "gossip";
  /** Of gossip. @default state */
  readonly topic?: Topic | undefined;
  readonly bytes: Uint8Array;
}

/** One node: its rows survive {@link VirtualMesh.restart}, its chains do not. */
export class VirtualNode {
  readonly id: NodeId;
  readonly rows: Map<string, Uint8Array>;
  readonly events: CoreEvent[] = [];
  readonly stored: {
    readonly author: NodeId;
    readonly seq: number;
    readonly gate: string | undefined;
  }[] = [];
  readonly env: Env;
  readonly authority: AuthorityKeeper;
  readonly chains: Chains;
  readonly #gossiped = new Set<string>();
  wallOffsetMs: number = 0;
  /** Called behind each commit, which is durable at once. */
  committed: () => void = () => undefined;
  readonly timers: Map<TimerId, { readonly generation: number; readonly atMonoMs: number }> =
    new Map();

  constructor(
    id: NodeId,
    rows: Map<string, Uint8Array>,
    ports: Ports,
    config: CoreConfig,
    fleet: string = "fleet",
  ) {
    this.id = id;
    this.rows = rows;
    const identity = {
      fleet,
      self: id,
      name: `name-${id}`,
      region: "r1",
      agent: "test/1",
    };
    this.env = { identity, config, ports, out: new Outbox() };
    this.authority = new AuthorityKeeper(this.env, {
      audit: new HashChainAudit(this.env),
      changed: (now) => this.chains.onAuthority(now),
      hasLeft: (node) => this.chains.membership.hasLeft(node),
      lack: (peer, now) => this.chains.lackStatements(peer, now),
    });
    this.chains = new Chains(this.env, {
      authority: this.authority,
      hooks: {
        stored: (entry, gate) => this.stored.push({ author: entry.author, seq: entry.seq, gate }),
      },
    });
  }

  /** True the first time a gossip message comes, as a transport has it. */
  seen(bytes: Uint8Array): boolean {
    const known = this.#gossiped.size;
    this.#gossiped.add(String(bytes));
    return this.#gossiped.size > known;
  }

  eventsOf(type: CoreEvent["type"]): readonly CoreEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  scan({ gte, lt, limit }: StoreRange): readonly StoreRow[] {
    const keys = [...this.rows.keys()]
      .filter((key) => key >= gte && key < lt)
      .toSorted(compareText);
    return keys.slice(0, limit).map((key) => ({ key, value: this.rows.get(key) as Uint8Array }));
  }
}

export class VirtualMesh {
  readonly nodes: Map<NodeId, VirtualNode> = new Map();
  readonly #deps: VirtualDeps;
  readonly #config: CoreConfig;
  readonly #links = new Set<string>();
  readonly #queue: VirtualFrame[] = [];
  /** What disks have still to answer, the next one last: a stack, as one answer leads to thousands of others. */
  readonly #owed: (() => void)[] = [];
  #isPaying = false;
  /** What disks answered to one input led to more answers, and so on; the mesh is of no use any more. */
  isEndless: boolean = false;
  #seed = 1;
  monoMs: number = 0;
  /** Gossip on or off: off, only sync brings anything. */
  gossip: boolean = true;
  /** Drops a frame that it returns true for. */
  drop: (frame: VirtualFrame) => boolean = () => false;
  framesSent: number = 0;
  framesBytesMax: number = 0;

  constructor(deps: VirtualDeps, config: Partial<CoreConfig> = {}) {
    this.#deps = deps;
    this.#config = coreConfig(config);
  }

  /** A node with these rows (none at first), started at `boot`; boot 0 leaves it an observer. */
  add(id: NodeId, boot: number, rows: Map<string, Uint8Array> = new Map()): VirtualNode {
    const fleet = this.#deps.fleet ?? "fleet";
    const node = new VirtualNode(id, rows, this.#ports(id), this.#config, fleet);
    this.nodes.set(id, node);
    this.input(node, (now) => {
      for (const page of pagesOf(node.scan({ gte: "", lt: "~" }), boot)) {
        for (const row of page) node.authority.restore(row);
        node.chains.restore(page, now);
      }
      node.authority.restored([], now);
      node.chains.restored(now);
    });
    if (boot > 0) this.input(node, (now) => node.chains.start(boot, now));
    return node;
  }

  /** The node dies and comes back with the rows it has, or with those given. */
  restart(id: NodeId, boot: number, rows?: Map<string, Uint8Array>): VirtualNode {
    const old = this.nodes.get(id) as VirtualNode;
    const peers = [...this.nodes.keys()].filter((peer) => this.#links.has(linkOf(id, peer)));
    for (const peer of peers) this.unlink(id, peer);
    const node = this.add(id, boot, rows ?? old.rows);
    for (const peer of peers) this.link(id, peer);
    return node;
  }

  link(a: NodeId, b: NodeId): void {
    this.#links.add(linkOf(a, b));
    this.input(this.#node(a), (now) => this.#node(a).chains.onPeerUp(b, now));
    this.input(this.#node(b), (now) => this.#node(b).chains.onPeerUp(a, now));
  }

  linkAll(): void {
    const ids = [...this.nodes.keys()];
    for (const [i, a] of ids.entries()) for (const b of ids.slice(i + 1)) this.link(a, b);
  }

  unlink(a: NodeId, b: NodeId): void {
    this.#links.delete(linkOf(a, b));
    this.input(this.#node(a), () => this.#node(a).chains.onPeerDown(b));
    this.input(this.#node(b), () => this.#node(b).chains.onPeerDown(a));
  }

  patch(id: NodeId, robot: RobotId, patch: JsonObject, ifMatch?: string): PatchResult {
    const node = this.#node(id);
    let result: PatchResult | undefined;
    this.input(node, (now) => {
      result = node.chains.records.patchState(robot, patch, ifMatch, now);
    });
    return result as PatchResult;
  }

  /** An operator of the node hands over statements. */
  state(id: NodeId, ...tokens: readonly string[]): void {
    const node = this.#node(id);
    for (const token of tokens) this.input(node, (now) => node.authority.submit(token, now));
  }

  write(id: NodeId, robot: RobotId, changes: Readonly<Record<string, Json | undefined>>): void {
    const node = this.#node(id);
    this.input(node, (now) =>
      node.chains.records.write(robot, new Map(Object.entries(changes)), now),
    );
  }

  now(node: VirtualNode): Now {
    return { monoMs: this.monoMs, wallMs: WALL_MS + this.monoMs + node.wallOffsetMs };
  }

  /** One input of a node, with everything that follows from it at once on its own disk. */
  input(node: VirtualNode, act: (now: Now) => void): void {
    const now = this.now(node);
    act(now);
    node.authority.look(now);
    node.chains.flush(now);
    this.#carryOut(node, node.env.out.drain());
  }

  /** Delivers until nothing is under way. */
  run(): void {
    for (let step = 0; step < STEP_LIMIT; step++) {
      const frame = this.#queue.shift();
      if (frame === undefined) return;
      const node = this.nodes.get(frame.to);
      if (node === undefined || !this.#links.has(linkOf(frame.from, frame.to)) || this.drop(frame))
        continue;
      if (frame.kind === "gossip" && !node.seen(frame.bytes)) continue;
      this.input(node, (now) => {
        if (frame.kind === "sync") node.chains.onSync(frame.from, frame.bytes, now);
        else this.#relay(node, frame, this.#onGossip(node, frame, now));
      });
    }
    throw new Error("the mesh does not come to rest");
  }

  /** Lets time pass, fires what is due, delivers. */
  advance(ms: number): void {
    const until = this.monoMs + ms;
    for (let step = 0; step < STEP_LIMIT; step++) {
      this.run();
      const due = Math.min(
        ...[...this.nodes.values()].flatMap(({ timers }) =>
          [...timers.values()].map(({ atMonoMs }) => atMonoMs),
        ),
      );
      if (due > until) break;
      this.monoMs = Math.max(this.monoMs, due);
      for (const node of this.nodes.values()) this.#fire(node);
    }
    this.monoMs = until;
  }

  #fire(node: VirtualNode): void {
    for (const [id, { generation, atMonoMs }] of node.timers) {
      if (atMonoMs > this.monoMs) continue;
      node.timers.delete(id);
      this.input(node, (now) => {
        if (!node.env.out.timerFired(id, generation)) return;
        if (id === "sync") node.chains.onTimer(now);
        if (id === "chain") node.chains.onWork(now);
      });
    }
  }

  #onGossip(node: VirtualNode, { from, topic, bytes }: VirtualFrame, now: Now): string {
    return topic === "authority"
      ? node.authority.onGossip(from, bytes, now)
      : node.chains.onGossip(from, bytes, now);
  }

  #relay(node: VirtualNode, frame: VirtualFrame, validation: string): void {
    if (validation !== "accept") return;
    for (const peer of this.nodes.keys()) {
      if (peer === frame.from || !this.#links.has(linkOf(node.id, peer))) continue;
      this.#queue.push({ ...frame, from: node.id, to: peer });
    }
  }

  #carryOut(node: VirtualNode, effects: readonly Effect[]): void {
    const later: (() => void)[] = [];
    for (const effect of effects) {
      if (effect.type === "persist") {
        for (const op of effect.ops) {
          if (op.type === "put") node.rows.set(op.key, op.value);
          else node.rows.delete(op.key);
        }
        node.committed();
        later.unshift(() => this.input(node, () => node.chains.onCommitted(effect.commit)));
      } else if (effect.type === "load") {
        const rows = node.scan(effect.range);
        later.push(() =>
          this.input(node, (now) => node.chains.onLoaded(effect.load, rows, true, now)),
        );
      } else if (effect.type === "set-timer") node.timers.set(effect.id, effect);
      else if (effect.type === "emit") node.events.push(effect.event);
      else if (effect.type === "send")
        this.#send({ from: node.id, to: effect.to, kind: "sync", bytes: effect.bytes });
      else if (effect.type === "publish" && this.gossip) {
        for (const peer of this.nodes.keys())
          this.#send({ ...effect, from: node.id, to: peer, kind: "gossip" });
      }
    }
    this.#owed.push(...later.toReversed());
    if (this.#isPaying) return;
    this.#isPaying = true;
    try {
      for (let count = 0; this.#owed.length > 0 && !this.isEndless; count++) {
        this.#owed.pop()?.();
        this.isEndless = count > ANSWERS_LIMIT;
      }
    } finally {
      this.#isPaying = false;
      this.#owed.length = 0;
    }
  }

  #send(frame: VirtualFrame): void {
    if (!this.#links.has(linkOf(frame.from, frame.to))) return;
    this.framesSent++;
    this.framesBytesMax = Math.max(this.framesBytesMax, frame.bytes.length);
    this.#queue.push(frame);
  }

  #node(id: NodeId): VirtualNode {
    return this.nodes.get(id) as VirtualNode;
  }

  #ports(id: NodeId): Ports {
    const { sha256, documents } = this.#deps;
    const codec = {
      encode: (value: unknown) => dagCbor.encode(value),
      decode: (bytes: Uint8Array) => dagCbor.decode(bytes),
    };
    const sign = (node: NodeId, bytes: Uint8Array): Uint8Array => {
      const half = sha256(codec.encode([node, bytes]));
      const signature = new Uint8Array(64);
      signature.set(half, 0);
      signature.set(half, 32);
      return signature;
    };
    return {
      codec,
      hash: { sha256 },
      signature: {
        sign: (bytes) => sign(id, bytes),
        verify: (node, bytes, signature) => String(sign(node, bytes)) === String(signature),
      },
      tokens: this.#deps.tokens ?? { read: () => undefined, signerOf: () => undefined },
      cron: { nextDueWallMs: () => undefined },
      random: {
        unit: () => {
          this.#seed = (this.#seed * 48_271) % 2_147_483_647;
          return this.#seed / 2_147_483_647;
        },
        bytes: (length) => new Uint8Array(length),
      },
      documents: documents(),
    };
  }
}

function linkOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** Every other boot gets its rows as a real driver gives them: in small pages, with those of chains last. */
function pagesOf(rows: readonly StoreRow[], boot: number): readonly (readonly StoreRow[])[] {
  if (boot % 2 === 0) return [rows];
  const isChain = ({ key }: StoreRow): boolean => key.startsWith("chain/");
  const ordered = [...rows.filter((row) => !isChain(row)), ...rows.filter(isChain)];
  const pages: StoreRow[][] = [];
  for (let at = 0; at < ordered.length; at += PAGE_ROWS)
    pages.push(ordered.slice(at, at + PAGE_ROWS));
  return pages;
}
