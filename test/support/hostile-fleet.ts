/**
 * A closed fleet of real nodes on loopback, and members of it that break the rules: with a real key and a real grant, over the real transport. What the
 * honest nodes make of it is read where an operator reads it: counters, the audit log, the view of the fleet.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type GrantClaims, localConfig, type NodeId } from "@pulsemesh/core";
import {
  acceptMembership,
  AUTHORITY_FILES,
  createFleetAuthority,
  createNode,
  type GrantTerms,
  type NodeOptions,
  type PulsemeshNode,
  readSecretKey,
  readStatements,
  requestMembership,
  signToken,
} from "@pulsemesh/node";
import type { Env } from "../../packages/core/src/env.ts";
import { Outbox } from "../../packages/core/src/outbox.ts";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { readKey } from "../../packages/node/src/keys/key-file.ts";
import { nodeIdOf } from "../../packages/node/src/keys/peer-id.ts";
import { createPortsFactory } from "../../packages/node/src/ports/create-ports.ts";
import { until } from "./until.ts";

const HOUR_S = 3_600;

const ROBOTS: GrantTerms = { roles: ["robot"], robots: ["*"] };

/** Keys and a grant, and nothing that runs. */
export interface Member {
  readonly dir: string;
  readonly id: NodeId;
  readonly seed: Uint8Array;
  /** What it presents with its hello. */
  readonly grant: string;
  /** Root, charter and all that it was enrolled with. */
  readonly statements: readonly string[];
  /** What it signs with. */
  readonly env: Env;
}

export class HostileFleet implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-hostile-"));
  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #honest: PulsemeshNode[] = [];

  /** A fleet with its issuer and as many more honest nodes, all of which see each other up. */
  static async of(others: number, options: Partial<NodeOptions> = {}): Promise<HostileFleet> {
    const fleet = new HostileFleet();
    await createFleetAuthority({
      dir: join(fleet.dir, "issuer"),
      rootDir: join(fleet.dir, "root"),
      region: "eu",
      nowS: Date.now() / 1_000,
    });
    await fleet.#start("issuer", options);
    for (let i = 1; i <= others; i++) await fleet.honestNode(`honest-${i}`, options);
    await fleet.allUp();
    return fleet;
  }

  /** Those that run now, the issuer first. */
  get honest(): readonly PulsemeshNode[] {
    return [...this.#honest];
  }

  get issuer(): PulsemeshNode {
    return this.#honest[0] as PulsemeshNode;
  }

  /** One more honest node. */
  async honestNode(name: string, options: Partial<NodeOptions> = {}): Promise<PulsemeshNode> {
    await this.member(name);
    return await this.#start(name, { join: this.issuer.addresses(), ...options });
  }

  /** Makes somebody a member by the issuer's word. */
  async member(name: string, terms: GrantTerms = ROBOTS): Promise<Member> {
    const dir = join(this.dir, name);
    const request = await requestBy(dir, name);
    await acceptMembership(dir, (await this.issuer.issuer?.grant(request, terms)) ?? []);
    return memberOf(dir, name, this.issuer.fleet);
  }

  /** Keys, and no word of anybody. */
  async stranger(name: string): Promise<Member> {
    const dir = join(this.dir, name);
    await requestBy(dir, name);
    return memberOf(dir, name, this.issuer.fleet);
  }

  /** What the issuer's key may be made to sign by who has it; a grant for `node` from an hour ago on where nothing else is said. */
  async grant(
    node: NodeId,
    claims: Partial<GrantClaims> = {},
    fleet: string = this.issuer.fleet,
  ): Promise<string> {
    const { seed, publicKey } = await readSecretKey(join(this.dir, "issuer", "issuer.key"));
    const signer = encodeBase32(publicKey);
    const sinceS = Math.floor(Date.now() / 1_000) - HOUR_S;
    const keys = { signer, auditKey: signer, cosignKey: signer };
    const times = { issuedS: sinceS, notBeforeS: sinceS, expS: sinceS + 2 * HOUR_S };
    const terms = { kind: "grant", node, roles: ["robot"], robots: ["*"], region: "eu" } as const;
    return await signToken({ ...terms, ...keys, ...times, ...claims }, seed, fleet);
  }

  /** Runs at the end, last first. */
  atEnd(stop: () => Promise<unknown>): void {
    this.#stops.push(stop);
  }

  async allUp(): Promise<void> {
    await until("all see all up", () => statusesOf(this.#honest).every((it) => it === "up"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #start(name: string, options: Partial<NodeOptions>): Promise<PulsemeshNode> {
    const node = await createNode({
      dataDir: join(this.dir, name),
      name,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      profile: "local",
      ...options,
    });
    this.#stops.push(() => node.stop());
    this.#honest.push(node);
    return node;
  }
}

function requestBy(dir: string, name: string): Promise<string> {
  return requestMembership({ dir, name, region: "eu", nowS: Date.now() / 1_000 });
}

/** What a directory holds that was made a member. */
function memberOf(dir: string, name: string, fleet: string): Member {
  const key = readKey(join(dir, "node.key"));
  const id = nodeIdOf(key.publicKey);
  const statements = readStatements(join(dir, AUTHORITY_FILES.statements)) ?? [];
  const identity = { fleet, self: id, name, region: "eu", agent: "hostile/1" };
  const ports = createPortsFactory(key.seed)();
  const env: Env = { identity, config: localConfig, ports, out: new Outbox() };
  return { dir, id, seed: key.seed, grant: statements.at(-1) ?? "", statements, env };
}

/** What each of them shows of each other one. */
export function statusesOf(nodes: readonly PulsemeshNode[]): readonly (string | undefined)[] {
  return nodes.flatMap((at) => nodes.filter((of) => of !== at).map((of) => statusAt(at, of.id)));
}

export function statusAt(at: PulsemeshNode, node: NodeId): string | undefined {
  return at.fleetView().nodes.find((each) => each.node === node)?.status;
}

/** A counter of one label, as `/metrics` has it; 0 where nothing was counted. */
export function countAt(at: PulsemeshNode, metric: string, label: string): number {
  const samples = at.metrics().find(({ name }) => name === metric)?.samples ?? [];
  return samples.find(({ labels }) => Object.values(labels).includes(label))?.value ?? 0;
}

/** What was dropped for that reason. */
export const refusedAt = (at: PulsemeshNode, reason: string): number =>
  countAt(at, "rejected_total", reason);

/** What the audit log says of one kind. */
export async function auditedAt(at: PulsemeshNode, kind: string): Promise<readonly unknown[]> {
  const lines = await at.auditTail({ limit: 10_000 });
  return lines.filter((line) => line.kind === kind).map(({ data }) => data);
}

/** An entry `reject` of the audit log. */
export interface Reject {
  readonly reason: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Waits until each node has counted this reason, and has it in its audit log, with these facts where some are said. */
export async function refusedAndAudited(
  nodes: readonly PulsemeshNode[],
  reason: string,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const isIt = (entry: Reject): boolean =>
    entry.reason === reason &&
    Object.entries(facts).every(([key, value]) => entry.data[key] === value);
  for (const at of nodes) {
    await until(`${reason} is counted and audited`, async () => {
      if (refusedAt(at, reason) === 0) return false;
      return (await auditedAt(at, "reject")).some((data) => isIt(data as Reject));
    });
  }
}

const SAMPLE_MS = 20;
/** No node misses a pulse in a look that is late by less. */
const STOOD_STILL_MS = 500;
/** Until nodes that stood still have heard each other again, and doubt themselves no more (rule PU6). */
const RECOVERED_MS = 4_000;

/**
 * How honest nodes hear each other from now on. Where the machine stands still, all of them in this process stand still with it; that is nobody's attack, and
 * they are looked at anew once they have recovered. An attack that keeps the process busy is one: then it has used its core meanwhile.
 */
export class PulseWatch {
  readonly #nodes: readonly PulsemeshNode[];
  readonly #last = new Map<string, { readonly seq: number; readonly atMs: number }>();
  readonly #statuses = new Set<string | undefined>();
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  readonly #gaps: number[] = [];
  #lost = 0;
  #blindUntilMs = 0;

  constructor(nodes: readonly PulsemeshNode[]) {
    this.#nodes = nodes;
    this.#running = this.#run();
  }

  /** What was seen until now: pulses that were lost, statuses that were shown; none was heard where nothing ran. */
  async end(): Promise<{ readonly lost: number; readonly statuses: readonly unknown[] }> {
    await until("pulses were heard", () => this.#gaps.length >= 4 * this.#nodes.length);
    this.#end.abort();
    await this.#running;
    return { lost: this.#lost, statuses: [...this.#statuses] };
  }

  /** Between two pulses of one node at another, in intervals of it: the p99 until now. */
  get gapP99(): number {
    const sorted = this.#gaps.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  }

  async #run(): Promise<void> {
    while (!this.#end.signal.aborted) {
      if (performance.now() >= this.#blindUntilMs)
        for (const at of this.#nodes)
          for (const of of this.#nodes) if (at !== of) this.#look(at, of);
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const startMs = performance.now();
    const used = process.cpuUsage();
    await sleep(SAMPLE_MS);
    const tookMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(used);
    if (tookMs < STOOD_STILL_MS || (user + system) / 1_000 > tookMs / 2) return;
    console.warn(`The machine stood still for ${Math.round(tookMs)} ms: looking anew.`);
    this.#last.clear();
    this.#blindUntilMs = performance.now() + RECOVERED_MS;
  }

  #look(at: PulsemeshNode, of: PulsemeshNode): void {
    const seen = at.fleetView().nodes.find(({ node }) => node === of.id);
    this.#statuses.add(seen?.status);
    const seq = seen?.lastPulse?.seq;
    const key = `${at.id} ${of.id}`;
    const before = this.#last.get(key);
    if (seq === undefined || seq === before?.seq) return;
    const atMs = performance.now();
    this.#last.set(key, { seq, atMs });
    if (before === undefined) return;
    this.#gaps.push((atMs - before.atMs) / (seen?.pulseEveryMs ?? Number.NaN));
    this.#lost += Math.max(0, seq - before.seq - 1);
  }
}

/** What a watch ends with where nothing happened. */
export const UNTOUCHED = { lost: 0, statuses: ["up"] } as const;
