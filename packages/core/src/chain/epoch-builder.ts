/**
 * Builds one epoch out of its stored rows: at start, and when a fork proof makes part of it void (rules CH5, DU1).
 * Own rows were verified before they were stored, so only hashes and links are checked here, never signatures.
 */
import type { Env } from "../env.ts";
import type { HashHex } from "../ids.ts";
import type { GateResult, RecordChange } from "../ports.ts";
import { generationClientId } from "./client-id.ts";
import type { Entry } from "./entry.ts";
import { EpochLog, type ForkProof } from "./epoch-log.ts";

/** A part's bytes by hash, if they are at hand. */
export type PartSource = (hash: HashHex) => Uint8Array | undefined;

/** Of several entries at one place the smallest hash is shown, whichever came first (rule CH5). */
export function forkProof(seq: number, hashes: readonly HashHex[]): ForkProof | undefined {
  const [kept, other] = [...new Set(hashes)].toSorted();
  return kept === undefined || other === undefined ? undefined : { seq, kept, other };
}

export interface BuiltEpoch {
  readonly log: EpochLog;
  /** All values of the generation. */
  readonly values: readonly RecordChange[];
  /** Stored entries that do not belong to the epoch any more: unlinked, or after a forked place. */
  readonly unlinked: readonly Entry[];
}

/** Opens the generation and applies the entries in order; undefined without a header. `forks` are other branches' entries. */
export function buildEpoch(
  env: Env,
  entries: readonly Entry[],
  forks: readonly Entry[],
  parts: PartSource,
): BuiltEpoch | undefined {
  const fork = firstFork(entries, forks);
  const branch = fork === undefined ? entries : withBranch(entries, forks, fork);
  const [header, ...rest] = branch;
  if (header === undefined || header.payload.kind !== "header") return undefined;
  const log = new EpochLog(header, header.payload.prev);
  env.ports.documents.open(log, generationClientId(env, log, 0));
  const updates: Uint8Array[] = [];
  let linked =
    fork?.seq === 0
      ? 0
      : rest.findIndex((entry) => !extend({ env, log, parts, updates }, entry, fork?.seq));
  if (linked < 0) linked = rest.length;
  env.ports.documents.applyAll(log, updates);
  if (fork !== undefined && fork.seq <= log.head.seq) log.endAt(fork);
  const values = [...env.ports.documents.read(log)].map(([robot, value]) => ({ robot, value }));
  const held = new Set(branch.slice(0, linked + 1).map(({ hash }) => hash));
  return {
    log,
    values,
    unlinked: entries.filter(({ hash }) => !held.has(hash) && hash !== fork?.other),
  };
}

/** What the entry says through the gate; nothing, where only a later version can read it (rule SG2). */
export function applyEntry(env: Env, log: EpochLog, { payload }: Entry): GateResult {
  if (payload.kind !== "delta") return { ok: true, changes: [] };
  return env.ports.documents.apply(log, payload.update);
}

interface Building {
  readonly env: Env;
  readonly log: EpochLog;
  readonly parts: PartSource;
  /** Deltas since the opening, to be applied together. */
  readonly updates: Uint8Array[];
}

function extend(building: Building, entry: Entry, lastSeq: number | undefined): boolean {
  const { env, log, parts, updates } = building;
  if (lastSeq !== undefined && entry.seq > lastSeq) return false;
  const { head } = log;
  const { payload } = entry;
  if (payload.kind === "snapshot" && entry.seq > head.seq) {
    const bytes = payload.parts.map(parts);
    if (bytes.some((part) => part === undefined)) return false;
    const clientId = generationClientId(env, log, entry.seq);
    if (!env.ports.documents.adopt(log, clientId, bytes as readonly Uint8Array[]).ok) return false;
    log.reopen(entry, payload);
    updates.length = 0;
    return true;
  }
  if (payload.kind === "header" || entry.seq !== head.seq + 1 || entry.prevHash !== head.hash)
    return false;
  // A refused delta was quarantined when it came; it links and changes nothing.
  if (payload.kind === "delta") updates.push(payload.update);
  log.append(entry);
  return true;
}

function firstFork(entries: readonly Entry[], forks: readonly Entry[]) {
  // Below the newest snapshot nothing counts any more.
  const openSeq = entries.reduce(
    (newest, { seq, payload }) => (payload.kind === "snapshot" ? Math.max(newest, seq) : newest),
    0,
  );
  const seq = forks
    .filter((entry) => entry.seq >= openSeq)
    .reduce((lowest, entry) => Math.min(lowest, entry.seq), Number.POSITIVE_INFINITY);
  // A snapshot goes before whatever else is at its place.
  if (seq === openSeq && openSeq > 0) return undefined;
  const branches = [...entries, ...forks].filter((entry) => entry.seq === seq);
  return forkProof(
    seq,
    branches.map(({ hash }) => hash),
  );
}

function withBranch(
  entries: readonly Entry[],
  forks: readonly Entry[],
  fork: { seq: number; kept: string },
): readonly Entry[] {
  const kept = [...entries, ...forks].find(
    ({ seq, hash }) => seq === fork.seq && hash === fork.kept,
  );
  const prefix = entries.filter(({ seq }) => seq < fork.seq);
  return kept === undefined ? prefix : [...prefix, kept];
}
