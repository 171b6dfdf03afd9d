/**
 * A mesh of a closed fleet in which authors are granted and revoked in random orders, while they write, lie, fork, restart and lose the end of their
 * disks. Nothing outside of tests imports it.
 */
import type { Cut } from "../authority/claims.ts";
import type { DocumentsPort, TokenPort } from "../ports.ts";
import { LyingAuthor, type Lie } from "./lying-author.test-support.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

/** What a test hands in: statements, signed. */
export interface TestStatements {
  readonly fleet: string;
  /** Number 1, and number 2, by which the thief's word is void. */
  readonly roots: readonly [string, string];
  /** The newer, the higher `age` is; about all robots where none are named. */
  grant(node: string, robots?: readonly string[], age?: number): string;
  revocation(
    node: string,
    cuts: readonly Cut[],
    claims: { readonly reason: string; readonly isThief: boolean },
  ): string;
}

export interface RevocationDeps {
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  readonly documents: () => DocumentsPort;
  readonly tokens: TokenPort;
  readonly statements: TestStatements;
  readonly random: { unit(): number };
}

/** Make the cuts, so their disks are never torn: a part is durable before its revocation is told, which torn disks here do not know. */
const ISSUERS = ["a", "b"] as const;
const NODES = [...ISSUERS, "c", "d"] as const;
/** Signs whatever it likes, and is no node of the mesh. */
export const LIAR = "m";
const TORN_COMMITS_MAX = 4;

export class RevocationStory {
  readonly net: VirtualMesh;
  readonly #deps: RevocationDeps;
  readonly #liar: LyingAuthor;
  readonly #lies: Lie[] = [];
  readonly #linked = new Set<string>();
  readonly #statements: string[];
  /** What was shown of a revoked author's robots when it was cut, by the cut's parts. */
  readonly shownAt = new Map<string, string>();
  readonly #disks = new Map<string, Map<string, Uint8Array>[]>();
  #boot = 2;
  #count = 0;

  constructor(deps: RevocationDeps) {
    this.#deps = deps;
    const { sha256, documents, tokens, statements } = deps;
    const virtual = { sha256, documents, tokens, fleet: statements.fleet };
    this.net = new VirtualMesh(virtual, { snapshotAfterDeltas: 10 });
    this.#liar = new LyingAuthor(new VirtualMesh(virtual).add(LIAR, 0).env, documents);
    for (const id of NODES) this.net.add(id, 1);
    for (const a of NODES) for (const b of NODES) if (a < b) this.#toggle(a, b);
    this.net.drop = () => this.#unit() < 0.15;
    this.#statements = [...NODES, LIAR, "late"].map((node) => statements.grant(node));
    // Of whom some are about less later, and then about something else.
    this.#statements.push(statements.grant(LIAR, [`${LIAR}-0`], 1));
    this.#statements.push(
      statements.grant("d", ["d-1", "d-2"], 1),
      statements.grant("d", ["d-*"], 2),
    );
    this.#lies.push(this.#liar.header(3));
  }

  step(): void {
    const id = this.#pick(NODES);
    const dice = this.#unit();
    if (dice < 0.3) this.#write(id);
    else if (dice < 0.5) this.#lie(id);
    else if (dice < 0.64) this.#state(id);
    else if (dice < 0.69) this.#revoke(this.#pick(ISSUERS), this.#pick(["d", LIAR]));
    else if (dice < 0.7) this.#voidThief(id);
    else if (dice < 0.8) this.#toggle(id, this.#pick(NODES.filter((other) => other !== id)));
    else if (dice < 0.9) this.net.advance(Math.floor(this.#unit() * 3_000));
    else if (dice < 0.95) this.net.restart(id, this.#boot++);
    else this.#tear(id);
    if (this.#unit() < 0.5) this.net.run();
    const disks = this.#disks.get(id) ?? [];
    disks.push(new Map(this.net.nodes.get(id)?.rows));
    this.#disks.set(id, disks.slice(-TORN_COMMITS_MAX));
  }

  /** Everybody meets everybody, the statements that were not told yet are, and a newcomer joins; all that was ever signed is handed over once more. */
  heal(): void {
    this.net.drop = () => false;
    this.net.state("a", this.#deps.statements.roots[0], ...this.#statements);
    this.net.add("late", 1);
    this.net.linkAll();
    this.net.advance(100_000);
    for (const { id } of this.net.nodes.values())
      for (const lie of this.#lies) this.#liar.tell(this.net, id, lie);
    this.net.advance(100_000);
  }

  /** What is shown of the author's robots. */
  shown(node: VirtualNode, author: string): string {
    const { records } = node.chains;
    const own = records
      .robots()
      .filter((robot) => robot.startsWith(`${author}-`) || isOf(author, robot));
    return JSON.stringify(own.map((robot) => [robot, records.record(robot)]));
  }

  #write(id: string): void {
    const n = this.#count++;
    this.net.patch(id, `${id}-${n % 3}`, { [`w${n % 5}`]: n });
  }

  /** The liar goes on from any place it has ever been at, which makes forks and snapshots that contradict each other. */
  #lie(id: string): void {
    const { place } = this.#pick(this.#lies);
    const dice = this.#unit();
    const robot = `${LIAR}-${Math.floor(this.#unit() * 2)}`;
    if (dice < 0.1) this.#lies.push(this.#liar.header(place.epoch + 1));
    else if (dice < 0.5) this.#lies.push(this.#liar.delta(place, `v${this.#count++}`, robot));
    else if (dice < 0.6) this.#lies.push(this.#liar.snapshot(place, `s${this.#count++}`));
    this.#liar.tell(this.net, id, this.#pick(this.#lies));
  }

  #state(id: string): void {
    this.net.state(id, this.#deps.statements.roots[0], this.#pick(this.#statements));
  }

  /** Hardly ever, or nothing would be left of what the thief has done. */
  #voidThief(id: string): void {
    if (this.#unit() < 0.2) this.net.state(id, ...this.#deps.statements.roots);
  }

  #revoke(issuer: string, author: string): void {
    const node = this.net.nodes.get(issuer) as VirtualNode;
    const { statements } = this.#deps;
    this.net.state(issuer, statements.roots[0], statements.grant(author));
    if (node.authority.authority.authorship(author) !== "writer") return;
    let cuts: readonly Cut[] | undefined = [];
    const isKept = this.#unit() < 0.8;
    if (isKept) this.net.input(node, () => node.chains.makeCuts(author, (made) => (cuts = made)));
    for (const { document, parts } of cuts)
      if (document === "reported") this.shownAt.set(parts.join(), this.shown(node, author));
    // The chain may go on before the revocation is signed.
    if (this.#unit() < 0.5) this.net.advance(500);
    const reason = String(this.#count++);
    const isThief = this.#unit() < 0.4;
    const revocation = statements.revocation(author, cuts, { reason, isThief });
    this.#statements.push(revocation);
    this.net.state(issuer, revocation);
  }

  /** The node comes back without its last commits. */
  #tear(id: string): void {
    const disks = this.#disks.get(id) ?? [];
    const disk = this.#pick([...disks, undefined]);
    if (disk === undefined || ISSUERS.some((issuer) => issuer === id)) return;
    this.net.restart(id, this.#boot++, new Map(disk));
  }

  #toggle(a: string, b: string): void {
    const link = [a, b].toSorted().join();
    if (this.#linked.delete(link)) this.net.unlink(a, b);
    else {
      this.#linked.add(link);
      this.net.link(a, b);
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#unit() * from.length)] as T;
  }

  #unit(): number {
    return this.#deps.random.unit();
  }
}

/** The one robot of the liar's snapshots. */
function isOf(author: string, robot: string): boolean {
  return author === LIAR && robot === "r";
}
