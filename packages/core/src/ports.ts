/**
 * What core needs from outside to compute: all synchronous, none of them waits, none keeps a clock.
 * Production implementations live in `node` and `doc-yjs`, simulated ones in `sim`; `testkit` holds their contract suites.
 */
import type { DocumentName, FleetId, KeyId, NodeId, RobotId } from "./ids.ts";
import type { Json } from "./json.ts";

/** Deterministic, strict binary codec (dag-cbor in production). */
export interface CodecPort {
  encode(value: unknown): Uint8Array;
  /** @throws on anything that is not the canonical encoding of one value. */
  decode(bytes: Uint8Array): unknown;
}

/** SHA-256. */
export interface HashPort {
  sha256(bytes: Uint8Array): Uint8Array;
}

/** Ed25519 with this node's key, and verification with anybody's. */
export interface SignaturePort {
  sign(bytes: Uint8Array): Uint8Array;
  /** False on any doubt: a malformed node id or signature is no signature. Never throws. */
  verify(node: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A token whose signature holds: its `typ`, the key that signed it, and its claims as JSON. */
export interface ReadToken {
  readonly type: string;
  readonly signer: KeyId;
  readonly claims: unknown;
}

/** Compact JWS of the fleet's authority (rule ME1); signing them is no business of core. */
export interface TokenPort {
  /**
   * Takes a token apart and checks its signature by the key that its header names. Undefined on any doubt: another algorithm than Ed25519,
   * header parameters beyond `alg`, `typ` and `kid`, another form than the one that signing gives. Never throws.
   */
  read(token: string): ReadToken | undefined;
  /** The key that a token's header names, with nothing checked, at a small part of the cost; undefined where it names none. Never throws. */
  signerOf(token: string): KeyId | undefined;
}

/** Due times of cron lines, outside core because they need a calendar (rule VE7). */
export interface CronPort {
  /** The first due time strictly after `afterWallMs`, or undefined when the line or zone is invalid or never due again. */
  nextDueWallMs(line: string, timeZone: string, afterWallMs: number): number | undefined;
}

/** Seeded in simulation, a CSPRNG in production. */
export interface RandomPort {
  /** Uniform in [0, 1). */
  unit(): number;
  bytes(length: number): Uint8Array;
}

/** One generation of one author's part of one document: the unit that is a Y.Doc of its own (rules CH1, CH2). */
export interface GenerationRef {
  readonly document: DocumentName;
  readonly author: NodeId;
  /** Chain epoch of the author, equal to the boot that wrote it. */
  readonly epoch: number;
}

/** One robot's value in a generation as it stands now; undefined when deleted. */
export interface RecordChange {
  readonly robot: RobotId;
  readonly value: Json | undefined;
}

/** Why the gate (rule CH3) refused foreign bytes. Stable: counted in metrics, written to the audit log. */
export type GateCode =
  | "too-large"
  | "too-many-structs"
  | "malformed"
  | "foreign-client"
  | "clock-gap"
  | "foreign-parent"
  | "foreign-origin"
  | "bad-content"
  | "bad-key"
  | "too-deep"
  | "foreign-delete"
  | "pending";

export type GateResult =
  | { readonly ok: true; readonly changes: readonly RecordChange[] }
  | { readonly ok: false; readonly code: GateCode };

/** One robot's value, to be written. */
export interface RobotValue {
  readonly robot: RobotId;
  readonly value: Json;
}

/** A generation in the making, beside the one that is shown: nothing of it is seen before it is installed (rule CH2). */
export interface GenerationDraft {
  /** Gates the next part of a snapshot and takes it; `changes` lists what it sets. After a refusal the draft is of no use. */
  take(part: Uint8Array): GateResult;
  /** Replaces the generation by what was taken, at once and as a whole. */
  install(): void;
}

/**
 * The CRDT documents. A generation is created empty by {@link open} with the clientID that core derived, and is the only
 * writer-owned thing: every struct in it bears that clientID. Nothing here throws on foreign bytes.
 */
export interface DocumentsPort {
  /** Creates (or replaces by an empty one) the generation; all its structs will bear `clientId` (2^32 … 2^53-1). */
  open(generation: GenerationRef, clientId: number): void;
  /**
   * What every gate of the fleet would say to this write: undefined when all of them take it. Core asks before it writes, because a
   * record's size on the wire depends on the document's own encoding, not on dag-cbor.
   */
  check(generation: GenerationRef, changes: readonly RecordChange[]): GateCode | undefined;
  /**
   * Own write: sets (or deletes, value undefined) 1 … 8 robots in the generation and returns the V1 update that did it.
   * @throws RangeError naming the gate's code when {@link check} would refuse; nothing has changed then.
   */
  write(generation: GenerationRef, changes: readonly RecordChange[]): Uint8Array;
  /** Gate and apply one foreign or reloaded delta; on refusal nothing has changed. `changes` lists what it set. */
  apply(generation: GenerationRef, update: Uint8Array): GateResult;
  /** The same for deltas that were stored one after the other; cheaper than one by one. What is refused changes nothing. */
  applyAll(generation: GenerationRef, updates: readonly Uint8Array[]): void;
  /** A fresh document with nothing but these values under `clientId`, as V1 updates of at most `partBytesMax` each. */
  snapshot(
    generation: GenerationRef,
    clientId: number,
    values: readonly RobotValue[],
    partBytesMax: number,
  ): readonly Uint8Array[];
  /**
   * Gate the parts of a snapshot and, if all pass, replace the generation by them under `clientId`; on refusal nothing has changed.
   * `changes` lists every value of it, then every robot that the replaced generation still had (value undefined).
   */
  adopt(generation: GenerationRef, clientId: number, parts: readonly Uint8Array[]): GateResult;
  /**
   * The next part of a snapshot of many values, so that no caller has to write it in one piece: `count` values from the front of
   * `values` (sorted by robot, no robot twice), where `clock` were in the parts before. Parts written so are those of {@link snapshot}.
   * @throws RangeError on a value that has no encoding.
   */
  snapshotPart(
    generation: GenerationRef,
    clientId: number,
    clock: number,
    values: Iterable<RobotValue>,
    partBytesMax: number,
  ): { readonly bytes: Uint8Array; readonly count: number };
  /** Begins a generation under `clientId` out of a snapshot's parts, to be handed over one by one. */
  draft(generation: GenerationRef, clientId: number): GenerationDraft;
  /** All values of a generation; an unknown generation is empty. */
  read(generation: GenerationRef): ReadonlyMap<RobotId, Json>;
  /** Forgets a generation; unknown ones are ignored. */
  drop(generation: GenerationRef): void;
}

/** Everything core is given to compute with. */
export interface Ports {
  readonly codec: CodecPort;
  readonly hash: HashPort;
  readonly signature: SignaturePort;
  readonly tokens: TokenPort;
  readonly cron: CronPort;
  readonly random: RandomPort;
  readonly documents: DocumentsPort;
}

/** Who this node is; fixed for the life of a core. */
export interface Identity {
  readonly fleet: FleetId;
  readonly self: NodeId;
  /** For people; 1 … 64 characters. */
  readonly name: string;
  /** For people and, later, for region rules; 1 … 64 characters. */
  readonly region: string;
  /** Agent version, such as `pulsemesh/0.1.0`. */
  readonly agent: string;
}
