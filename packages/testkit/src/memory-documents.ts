/**
 * The documents port without a CRDT library, for tests that are about something else. With one writer a generation is a map and a
 * counter, so a delta is readable JSON: who wrote it, at which count, and what it sets. It passes the same contract suite as the real
 * one, but its gate only knows its own encoding: what hostile bytes do to Yjs is not its business.
 */
import { compareText, isRobotId } from "@pulsemesh/core";
import type {
  DocumentsPort,
  GateCode,
  GateResult,
  GenerationDraft,
  GenerationRef,
  Json,
  RecordChange,
  RobotId,
  RobotValue,
} from "@pulsemesh/core";

const DELTA_BYTES_MAX: number = 24 * 1024;
const DELTA_ROBOTS_MAX: number = 8;
const RECORD_BYTES_MAX: number = 22 * 1024;
const RECORD_DEPTH_MAX: number = 36;
const CLIENT_ID_MIN: number = 2 ** 32;

interface Generation {
  readonly clientId: number;
  count: number;
  values: ReadonlyMap<RobotId, Json>;
}

/** A delta or a part of a snapshot as it is sent; an entry without value deletes. */
interface Wire {
  readonly client: number;
  readonly count: number;
  readonly kind: "delta" | "part";
  readonly entries: readonly (readonly [RobotId] | readonly [RobotId, Json])[];
}

/** Creates an empty set of documents. */
export function createMemoryDocuments(): DocumentsPort {
  return new MemoryDocuments();
}

class MemoryDocuments implements DocumentsPort {
  readonly #generations: Map<string, Generation> = new Map();

  open(generation: GenerationRef, clientId: number): void {
    this.#generations.set(nameOf(generation), fresh(clientId));
  }

  check(generation: GenerationRef, changes: readonly RecordChange[]): GateCode | undefined {
    const bytes = encodeDelta(this.#opened(generation), changes);
    return typeof bytes === "string" ? bytes : undefined;
  }

  write(generation: GenerationRef, changes: readonly RecordChange[]): Uint8Array {
    const opened = this.#opened(generation);
    const bytes = encodeDelta(opened, changes);
    if (typeof bytes === "string")
      throw new RangeError(`Cannot write to ${nameOf(generation)}: ${bytes}`);
    take(opened, bytes, "delta");
    return bytes;
  }

  apply(generation: GenerationRef, update: Uint8Array): GateResult {
    const opened = this.#generations.get(nameOf(generation));
    if (opened === undefined) return { ok: false, code: "foreign-client" };
    return update.length > DELTA_BYTES_MAX
      ? { ok: false, code: "too-large" }
      : take(opened, update, "delta");
  }

  applyAll(generation: GenerationRef, updates: readonly Uint8Array[]): void {
    for (const update of updates) this.apply(generation, update);
  }

  snapshot(
    generation: GenerationRef,
    clientId: number,
    values: readonly RobotValue[],
    partBytesMax: number,
  ): readonly Uint8Array[] {
    const parts: Uint8Array[] = [];
    fresh(clientId);
    const sorted = values.toSorted((a, b) => compareText(a.robot, b.robot));
    for (let clock = 0; clock < sorted.length;) {
      const rest = sorted.slice(clock);
      const { bytes, count } = this.snapshotPart(generation, clientId, clock, rest, partBytesMax);
      parts.push(bytes);
      clock += count;
    }
    return parts;
  }

  snapshotPart(
    generation: GenerationRef,
    clientId: number,
    clock: number,
    values: Iterable<RobotValue>,
    partBytesMax: number,
  ): { readonly bytes: Uint8Array; readonly count: number } {
    void generation;
    const next = { ...fresh(clientId), count: clock };
    const entries: [RobotId, Json][] = [];
    for (const { robot, value } of values) {
      entries.push([robot, value]);
      if (entries.length === 1 || encode(next, "part", entries).length <= partBytesMax) continue;
      entries.pop();
      break;
    }
    return { bytes: encode(next, "part", entries), count: entries.length };
  }

  draft(generation: GenerationRef, clientId: number): GenerationDraft {
    const adopted = fresh(clientId);
    return {
      take: (part) => take(adopted, part, "part"),
      install: () => void this.#generations.set(nameOf(generation), adopted),
    };
  }

  adopt(generation: GenerationRef, clientId: number, parts: readonly Uint8Array[]): GateResult {
    const adopted = fresh(clientId);
    for (const part of parts) {
      const taken = take(adopted, part, "part");
      if (!taken.ok) return taken;
    }
    const gone = [...this.read(generation).keys()].filter((robot) => !adopted.values.has(robot));
    this.#generations.set(nameOf(generation), adopted);
    const changes = [...adopted.values].map(([robot, value]) => ({ robot, value }));
    return {
      ok: true,
      changes: [...changes, ...gone.map((robot) => ({ robot, value: undefined }))],
    };
  }

  read(generation: GenerationRef): ReadonlyMap<RobotId, Json> {
    return this.#generations.get(nameOf(generation))?.values ?? new Map();
  }

  drop(generation: GenerationRef): void {
    this.#generations.delete(nameOf(generation));
  }

  #opened(generation: GenerationRef): Generation {
    const opened = this.#generations.get(nameOf(generation));
    if (opened === undefined)
      throw new Error(`Cannot write to ${nameOf(generation)} as it was not opened`);
    return opened;
  }
}

function nameOf({ document, author, epoch }: GenerationRef): string {
  return `${document}/${author}/${epoch}`;
}

function fresh(clientId: number): Generation {
  if (!Number.isSafeInteger(clientId) || clientId < CLIENT_ID_MIN) {
    throw new RangeError(
      `Cannot open a generation as 'clientId' must be an integer from 2^32 to 2^53-1: current value is ${clientId}`,
    );
  }
  return { clientId, count: 0, values: new Map() };
}

/** The bytes of a delta, or why every gate would refuse it. */
function encodeDelta(
  generation: Generation,
  changes: readonly RecordChange[],
): Uint8Array | GateCode {
  if (changes.length > DELTA_ROBOTS_MAX) return "too-many-structs";
  const entries: ([RobotId] | [RobotId, Json])[] = [];
  for (const [robot, value] of new Map(changes.map((change) => [change.robot, change.value]))) {
    const refusal = value === undefined ? undefined : refusalOf(value, 0);
    if (refusal !== undefined) return refusal;
    if (value !== undefined) entries.push([robot, value]);
    else if (generation.values.has(robot)) entries.push([robot]);
  }
  if (!entries.every(([robot]) => isRobotId(robot))) return "bad-key";
  if (entries.some(([, value]) => value !== undefined && textOf(value).length > RECORD_BYTES_MAX))
    return "too-large";
  const bytes = encode(generation, "delta", entries);
  return bytes.length > DELTA_BYTES_MAX ? "too-large" : bytes;
}

function encode(
  { clientId, count }: Generation,
  kind: Wire["kind"],
  entries: Wire["entries"],
): Uint8Array {
  return new TextEncoder().encode(textOf({ client: clientId, count, kind, entries }));
}

/** JSON that keeps minus zero. */
function textOf(value: Json): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(textOf).join(",")}]`;
  return `{${Object.entries(value)
    .map(([key, element]) => `${JSON.stringify(key)}:${textOf(element as Json)}`)
    .join(",")}}`;
}

function refusalOf(value: unknown, depth: number): GateCode | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "bad-content";
  if (typeof value === "string") return value.isWellFormed() ? undefined : "bad-content";
  if (typeof value !== "object") return "bad-content";
  if (depth >= RECORD_DEPTH_MAX) return "too-deep";
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return "bad-content";
  for (const [key, element] of Object.entries(value)) {
    const refusal =
      key === "__proto__" || !key.isWellFormed() ? "bad-content" : refusalOf(element, depth + 1);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Checks one update and applies it; on refusal nothing has changed. */
function take(generation: Generation, bytes: Uint8Array, kind: Wire["kind"]): GateResult {
  const wire = decode(bytes);
  if (wire === undefined || wire.kind !== kind) return { ok: false, code: "malformed" };
  if (wire.client !== generation.clientId) return { ok: false, code: "foreign-client" };
  if (wire.count !== generation.count) return { ok: false, code: "clock-gap" };
  if (!wire.entries.every(([robot]) => isRobotId(robot))) return { ok: false, code: "bad-key" };
  const values = new Map(generation.values);
  for (const [robot, value] of wire.entries) {
    if (value === undefined) values.delete(robot);
    else values.set(robot, value);
  }
  generation.values = new Map([...values].sort(([a], [b]) => compareText(a, b)));
  generation.count += wire.entries.length;
  return { ok: true, changes: wire.entries.map(([robot, value]) => ({ robot, value })) };
}

function decode(bytes: Uint8Array): Wire | undefined {
  try {
    const wire = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    ) as Partial<Wire> | null;
    const shaped =
      typeof wire?.client === "number" &&
      typeof wire.count === "number" &&
      Array.isArray(wire.entries);
    return shaped ? (wire as Wire) : undefined;
  } catch {
    return undefined;
  }
}
