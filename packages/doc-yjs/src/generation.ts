/**
 * One generation: a Y.Doc of one writer, and the ledger that its gate reads. The document is what counts; the ledger is only ever
 * told what the document has taken.
 */
import { compareText } from "@pulsemesh/core";
import type { GateCode, GateResult, Json, NodeId, RecordChange, RobotId } from "@pulsemesh/core";
import * as Y from "yjs";
import { ByteReader } from "./byte-reader.ts";
import { inspectDelta, inspectPart } from "./gate.ts";
import { Ledger } from "./ledger.ts";
import type { Plan } from "./ledger.ts";
import { DELTA_STRUCTS_MAX, GENERATION_PARTS_MAX } from "./limits.ts";
import { encodeDelta } from "./update-writer.ts";
import type { Encoded } from "./update-writer.ts";

/** `Y.applyUpdate`, a parameter so that tests can show what happens should Yjs ever do what the gate did not foresee. */
export type Integrate = (doc: Y.Doc, update: Uint8Array) => void;

type Drafted =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly plan: Plan }
  | { readonly ok: false; readonly code: GateCode };

export class Generation {
  readonly #ledger: Ledger;
  readonly #doc: Y.Doc;
  readonly #root: Y.Map<Json>;
  readonly #integrate: Integrate;
  /** What the document holds, kept so that a read costs nothing. */
  readonly #values: Map<RobotId, Json> = new Map();
  #broken = false;
  #parts = 0;
  #view: ReadonlyMap<RobotId, Json> | undefined;

  constructor(author: NodeId, clientId: number, integrate: Integrate) {
    this.#ledger = new Ledger(author, clientId);
    // Yjs draws itself a 32-bit client id; ours are all above, so it never thinks that somebody else uses its own.
    this.#doc = new Y.Doc({ guid: `${author}/${clientId}`, gc: true });
    this.#root = this.#doc.getMap<Json>(this.#ledger.root);
    this.#integrate = integrate;
  }

  /** Fills a new generation with the parts of a snapshot; of use only if all pass. */
  load(parts: readonly Uint8Array[]): GateResult {
    for (const part of parts) {
      const taken = this.loadPart(part);
      if (!taken.ok) return taken;
    }
    return { ok: true, changes: [...this.read()].map(([robot, value]) => ({ robot, value })) };
  }

  /** Takes the next part; after a refusal the generation is of no use. */
  loadPart(part: Uint8Array): GateResult {
    if (this.#parts >= GENERATION_PARTS_MAX) return { ok: false, code: "too-large" };
    this.#parts += 1;
    const reader = new ByteReader(part);
    const plan = inspectPart(reader, this.#ledger);
    return plan === undefined ? refused(reader) : this.#take(part, plan);
  }

  apply(update: Uint8Array): GateResult {
    if (this.#broken) return { ok: false, code: "pending" };
    const reader = new ByteReader(update);
    const plan = inspectDelta(reader, this.#ledger);
    return plan === undefined ? refused(reader) : this.#take(update, plan);
  }

  /** As one transaction of Yjs, which cleans up once; the gate looks at each. */
  applyAll(updates: readonly Uint8Array[]): void {
    try {
      this.#doc.transact(() => {
        for (const update of updates) this.apply(update);
      });
    } catch {
      // Nothing of ours throws in there: as with a single update, Yjs did what the gate did not foresee.
      this.#broken = true;
    }
  }

  /** What every gate would say to this write; undefined when they take it. */
  check(changes: readonly RecordChange[]): GateCode | undefined {
    const drafted = this.#draft(changes);
    return drafted.ok ? undefined : drafted.code;
  }

  /** Encodes an own write, sends it through the gate and applies it. */
  write(changes: readonly RecordChange[]): Encoded {
    const drafted = this.#draft(changes);
    if (!drafted.ok) return drafted;
    const taken = this.#take(drafted.bytes, drafted.plan);
    return taken.ok ? drafted : taken;
  }

  /** All values in order of robot id; the map does not change afterwards. */
  read(): ReadonlyMap<RobotId, Json> {
    this.#view ??= new Map([...this.#values].sort(([a], [b]) => compareText(a, b)));
    return this.#view;
  }

  destroy(): void {
    this.#doc.destroy();
  }

  #draft(changes: readonly RecordChange[]): Drafted {
    if (this.#broken) return { ok: false, code: "pending" };
    if (changes.length > DELTA_STRUCTS_MAX) return { ok: false, code: "too-many-structs" };
    const delta = encodeDelta(this.#ledger, changes);
    if (!delta.ok) return delta;
    const reader = new ByteReader(delta.bytes);
    const plan = inspectDelta(reader, this.#ledger);
    return plan === undefined ? refused(reader) : { ok: true, bytes: delta.bytes, plan };
  }

  /**
   * Hands inspected bytes to Yjs and enters what it made of them. Should Yjs disagree with the gate, which would be a bug of ours, the
   * generation keeps showing what it showed and takes nothing more until a snapshot replaces it: foreign bytes must never stop a node.
   */
  #take(update: Uint8Array, plan: Plan): GateResult {
    const touched = touchedBy(plan, this.#values);
    try {
      this.#integrate(this.#doc, update);
    } catch {
      this.#broken = true;
    }
    this.#broken ||= this.#unsettled(plan.nextClock);
    if (this.#broken) return { ok: false, code: "pending" };
    this.#ledger.record(plan);
    this.#view = undefined;
    const changes = touched.map((robot) => ({ robot, value: this.#root.get(robot) }));
    for (const { robot, value } of changes) {
      if (value === undefined) this.#values.delete(robot);
      else this.#values.set(robot, value);
    }
    return { ok: true, changes };
  }

  #unsettled(nextClock: number): boolean {
    const { store } = this.#doc;
    const others = store.clients.size > (nextClock > 0 ? 1 : 0);
    return (
      others ||
      store.pendingStructs !== null ||
      store.pendingDs !== null ||
      Y.getState(store, this.#ledger.clientId) !== nextClock
    );
  }
}

function refused(reader: ByteReader): { readonly ok: false; readonly code: GateCode } {
  return { ok: false, code: reader.refusal ?? "malformed" };
}

/** Robots that the update sets, and those that it deletes while they have a value. */
function touchedBy(plan: Plan, values: ReadonlyMap<RobotId, Json>): readonly RobotId[] {
  const robots = new Set<RobotId>();
  for (const { robot } of plan.placed) if (robot !== undefined) robots.add(robot);
  for (const robot of plan.deleted) if (values.has(robot)) robots.add(robot);
  return [...robots];
}
