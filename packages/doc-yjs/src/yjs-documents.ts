/** The documents port on Yjs: a map of generations, each a Y.Doc of one writer behind its gate (rules CH1, CH2, CH3). */
import type {
  DocumentsPort,
  GateCode,
  GateResult,
  GenerationDraft,
  GenerationRef,
  Json,
  NodeId,
  RecordChange,
  RobotId,
  RobotValue,
} from "@pulsemesh/core";
import * as Y from "yjs";
import { ByteReader } from "./byte-reader.ts";
import { inspectPart } from "./gate.ts";
import { Generation } from "./generation.ts";
import type { Integrate } from "./generation.ts";
import { Ledger } from "./ledger.ts";
import { encodePart, encodeParts } from "./update-writer.ts";

/** Below are the ids that Yjs draws at random for itself. */
const CLIENT_ID_MIN = 2 ** 32;
const NOTHING: ReadonlyMap<RobotId, Json> = new Map();

/**
 * Creates an empty set of documents.
 *
 * @example
 * ```ts
 * const documents = createYjsDocuments();
 * const generation = { document: "reported", author: "12D3KooW…", epoch: 1 } as const;
 * documents.open(generation, 2 ** 32 + 7);
 * const delta = documents.write(generation, [{ robot: "arm-1", value: { status: "idle" } }]);
 * ```
 */
export function createYjsDocuments(
  deps: { readonly integrate?: Integrate | undefined } = {},
): DocumentsPort {
  return new YjsDocuments(deps.integrate ?? ((doc, update) => Y.applyUpdate(doc, update)));
}

class YjsDocuments implements DocumentsPort {
  readonly #integrate: Integrate;
  readonly #generations: Map<string, Generation> = new Map();

  constructor(integrate: Integrate) {
    this.#integrate = integrate;
  }

  open(generation: GenerationRef, clientId: number): void {
    this.#replace(generation, this.#fresh(generation.author, clientId));
  }

  check(generation: GenerationRef, changes: readonly RecordChange[]): GateCode | undefined {
    return this.#opened(generation).check(changes);
  }

  write(generation: GenerationRef, changes: readonly RecordChange[]): Uint8Array {
    const written = this.#opened(generation).write(changes);
    if (written.ok) return written.bytes;
    throw new RangeError(
      `Cannot write to ${nameOf(generation)} as the gate refuses it: ${written.code}`,
    );
  }

  apply(generation: GenerationRef, update: Uint8Array): GateResult {
    // Without a chain header nobody has derived a client id yet, so every client is a foreign one.
    return (
      this.#generations.get(nameOf(generation))?.apply(update) ?? {
        ok: false,
        code: "foreign-client",
      }
    );
  }

  applyAll(generation: GenerationRef, updates: readonly Uint8Array[]): void {
    this.#generations.get(nameOf(generation))?.applyAll(updates);
  }

  snapshot(
    generation: GenerationRef,
    clientId: number,
    values: readonly RobotValue[],
    partBytesMax: number,
  ): readonly Uint8Array[] {
    const ledger = new Ledger(generation.author, checkedClientId(clientId));
    const parts = encodeParts(ledger, values, partBytesMax);
    for (const part of parts) {
      const reader = new ByteReader(part);
      const plan = inspectPart(reader, ledger);
      if (plan === undefined)
        throw new RangeError(`Cannot write a snapshot as the gate refuses it: ${reader.refusal}`);
      ledger.record(plan);
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
    // Not inspected here: whoever writes it takes it into a draft of its own before anybody else sees it.
    const ledger = new Ledger(generation.author, checkedClientId(clientId));
    return encodePart(ledger, clock, values, partBytesMax);
  }

  draft(generation: GenerationRef, clientId: number): GenerationDraft {
    const fresh = this.#fresh(generation.author, clientId);
    return {
      take: (part) => fresh.loadPart(part),
      install: () => this.#replace(generation, fresh),
    };
  }

  adopt(generation: GenerationRef, clientId: number, parts: readonly Uint8Array[]): GateResult {
    const fresh = this.#fresh(generation.author, clientId);
    const loaded = fresh.load(parts);
    if (!loaded.ok) {
      fresh.destroy();
      return loaded;
    }
    const gone = [...this.read(generation).keys()].filter((robot) => !fresh.read().has(robot));
    this.#replace(generation, fresh);
    return {
      ok: true,
      changes: [...loaded.changes, ...gone.map((robot) => ({ robot, value: undefined }))],
    };
  }

  read(generation: GenerationRef): ReadonlyMap<RobotId, Json> {
    return this.#generations.get(nameOf(generation))?.read() ?? NOTHING;
  }

  drop(generation: GenerationRef): void {
    const name = nameOf(generation);
    this.#generations.get(name)?.destroy();
    this.#generations.delete(name);
  }

  #fresh(author: NodeId, clientId: number): Generation {
    return new Generation(author, checkedClientId(clientId), this.#integrate);
  }

  #replace(generation: GenerationRef, by: Generation): void {
    this.drop(generation);
    this.#generations.set(nameOf(generation), by);
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

function checkedClientId(clientId: number): number {
  if (Number.isSafeInteger(clientId) && clientId >= CLIENT_ID_MIN) return clientId;
  throw new RangeError(
    `Cannot open a generation as 'clientId' must be an integer from 2^32 to 2^53-1: current value is ${clientId}`,
  );
}
