/**
 * A foreign snapshot on its way in (rule CH2): its parts are gated and read one by one, and take over at once when all have passed. Whoever
 * holds everything before it writes the parts itself: the same values under the same clientID make the same bytes. Where they do not
 * (another version of the encoder), the hashes tell, and the parts are fetched.
 */
import type { Env } from "../env.ts";
import type { GenerationDraft } from "../ports.ts";
import type { CapturedRecord, IncomingRecord, RecordTable } from "../state/record-table.ts";
import { generationClientId } from "./client-id.ts";
import type { Entry, SnapshotPayload } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { GenerationWriter } from "./generation-writer.ts";

/** Foreign snapshots being taken in at a time; further ones wait with whoever has them. */
export const PREPARATIONS_MAX: number = 64;

/** `bad`: the gate refuses a part. `unlike`: what was written here is not what the author wrote. */
type State = "working" | "ready" | "bad" | "unlike";

export class Preparation {
  readonly log: EpochLog;
  readonly entry: Entry;
  readonly draft: GenerationDraft;
  readonly records: IncomingRecord[] = [];
  readonly #manifest: SnapshotPayload;
  readonly #table: RecordTable;
  readonly #given: readonly Uint8Array[] | undefined;
  readonly #writer: GenerationWriter | undefined;
  #taken = 0;
  #robots = 0;
  #state: State = "working";

  /** `parts` are at hand, or are written from what was `captured` here. */
  constructor(
    env: Env,
    what: {
      readonly log: EpochLog;
      readonly entry: Entry;
      readonly manifest: SnapshotPayload;
      readonly table: RecordTable;
    },
    from:
      | { readonly parts: readonly Uint8Array[] }
      | { readonly captured: readonly CapturedRecord[] },
  ) {
    const { log, entry } = what;
    this.log = log;
    this.entry = entry;
    this.#manifest = what.manifest;
    this.#table = what.table;
    if ("parts" in from) {
      this.#given = from.parts;
      this.draft = env.ports.documents.draft(log, generationClientId(env, log, entry.seq));
    } else {
      this.#writer = new GenerationWriter(env, log, entry.seq, from.captured);
      this.draft = this.#writer.draft;
    }
  }

  get state(): State {
    return this.#state;
  }

  get parts(): readonly Uint8Array[] {
    return this.#given ?? this.#writer?.parts ?? [];
  }

  /** Takes the next part, if there is one. */
  step(): void {
    if (this.#state !== "working") return;
    this.#state = this.#writer === undefined ? this.#take() : this.#write(this.#writer);
  }

  #take(): State {
    const part = this.#given?.[this.#taken];
    if (part !== undefined) {
      const result = this.draft.take(part);
      if (!result.ok) return "bad";
      this.#taken += 1;
      for (const change of result.changes)
        this.records.push(this.#table.incoming(this.log, change));
      this.#robots += result.changes.length;
      if (this.#robots > this.#manifest.robots) return "bad";
    }
    return this.#taken === this.#manifest.parts.length ? "ready" : "working";
  }

  #write(writer: GenerationWriter): State {
    if (!writer.step()) return "unlike";
    const last = writer.hashes.length - 1;
    if (writer.hashes[last] !== this.#manifest.parts[last]) return "unlike";
    if (!writer.isDone) return "working";
    if (writer.hashes.length !== this.#manifest.parts.length) return "unlike";
    for (const { robot, sources, merged } of writer.captures()) {
      const isHeld = sources.length === 1 && sources[0]?.epoch === this.log.epoch;
      this.records.push({ robot, record: merged, same: isHeld ? merged : undefined });
    }
    return "ready";
  }
}
