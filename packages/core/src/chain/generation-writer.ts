/**
 * Writes the parts of a generation one by one (rule CH2) out of records as they were at one moment: the author's own snapshot, or that of
 * another author by a reader that holds the same. Each part goes through the gate into a draft, which nobody sees before it is installed.
 */
import type { Env } from "../env.ts";
import type { HashHex } from "../ids.ts";
import type { GenerationDraft, GenerationRef, RobotValue } from "../ports.ts";
import { recordToJson, type RobotRecord } from "../state/record.ts";
import { mergedRecord, type CapturedRecord, type MergedCapture } from "../state/record-table.ts";
import { toHex } from "../wire/hex.ts";
import { PART_BYTES_MAX, SNAPSHOT_PARTS_MAX } from "./limits.ts";

export class GenerationWriter {
  readonly draft: GenerationDraft;
  readonly parts: Uint8Array[] = [];
  readonly hashes: HashHex[] = [];
  readonly #env: Env;
  readonly #generation: GenerationRef;
  readonly #clientId: number;
  readonly #captured: readonly CapturedRecord[];
  /** What the snapshot says of each captured robot, as far as it was worked out. */
  readonly #merged: RobotRecord[] = [];
  #written = 0;

  constructor(
    env: Env,
    generation: GenerationRef,
    clientId: number,
    captured: readonly CapturedRecord[],
  ) {
    this.#env = env;
    this.#generation = generation;
    this.#captured = captured;
    this.#clientId = clientId;
    this.draft = env.ports.documents.draft(generation, clientId);
  }

  get robots(): number {
    return this.#captured.length;
  }

  get isDone(): boolean {
    return this.#written === this.#captured.length;
  }

  /** Writes the next part, if there is one; false when it cannot be written, and the writer is of no use any more. */
  step(): boolean {
    if (this.isDone) return true;
    if (this.parts.length >= SNAPSHOT_PARTS_MAX) return false;
    const { documents, hash } = this.#env.ports;
    let part: { readonly bytes: Uint8Array; readonly count: number };
    try {
      const rest = this.#rest();
      part = documents.snapshotPart(
        this.#generation,
        this.#clientId,
        this.#written,
        rest,
        PART_BYTES_MAX,
      );
    } catch {
      // Records that fit one by one may not fit merged.
      return false;
    }
    if (!this.draft.take(part.bytes).ok) return false;
    this.parts.push(part.bytes);
    this.hashes.push(toHex(hash.sha256(part.bytes)));
    this.#written += part.count;
    return true;
  }

  /** Everything that was written, with the records that were merged for it. */
  captures(): readonly MergedCapture[] {
    return this.#captured.map((each, i) => ({ ...each, merged: this.#record(i, each) }));
  }

  *#rest(): Generator<RobotValue> {
    for (let i = this.#written; i < this.#captured.length; i++) {
      const captured = this.#captured[i] as CapturedRecord;
      yield { robot: captured.robot, value: recordToJson(this.#record(i, captured)) };
    }
  }

  #record(i: number, captured: CapturedRecord): RobotRecord {
    return (this.#merged[i] ??= mergedRecord(captured));
  }
}
