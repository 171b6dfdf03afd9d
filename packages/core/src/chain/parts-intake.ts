/**
 * Takes the parts of a generation in, one by one, into a draft that nobody sees before it is installed (rule CH2): parts that are at hand go
 * through the gate; parts that can be written from what is held here are, as the same values under the same clientID make the same bytes. Where
 * they do not (another version of the encoder), the hashes tell, and the parts have to be fetched.
 */
import type { Env } from "../env.ts";
import type { HashHex } from "../ids.ts";
import type { GenerationDraft, GenerationRef } from "../ports.ts";
import type { CapturedRecord, IncomingRecord, RecordTable } from "../state/record-table.ts";
import { GenerationWriter } from "./generation-writer.ts";

/** `bad`: the gate refuses a part. `unlike`: what was written here is not what was named. */
export type IntakeState = "working" | "ready" | "bad" | "unlike";

/** What a generation shall hold. */
export interface NamedParts {
  readonly parts: readonly HashHex[];
  readonly robots: number;
}

/** Parts at hand, or the records to write them from. */
export type IntakeSource =
  | { readonly parts: readonly Uint8Array[] }
  | { readonly captured: readonly CapturedRecord[] };

export class PartsIntake {
  readonly draft: GenerationDraft;
  readonly records: IncomingRecord[] = [];
  readonly #generation: GenerationRef;
  readonly #named: NamedParts;
  readonly #table: RecordTable;
  readonly #given: readonly Uint8Array[] | undefined;
  readonly #writer: GenerationWriter | undefined;
  #taken = 0;
  #robots = 0;
  #state: IntakeState = "working";

  constructor(
    env: Env,
    what: {
      readonly generation: GenerationRef;
      readonly clientId: number;
      readonly named: NamedParts;
      readonly table: RecordTable;
    },
    from: IntakeSource,
  ) {
    const { generation, clientId } = what;
    this.#generation = generation;
    this.#named = what.named;
    this.#table = what.table;
    if ("parts" in from) {
      this.#given = from.parts;
      this.draft = env.ports.documents.draft(generation, clientId);
    } else {
      this.#writer = new GenerationWriter(env, generation, clientId, from.captured);
      this.draft = this.#writer.draft;
    }
  }

  get state(): IntakeState {
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

  #take(): IntakeState {
    const part = this.#given?.[this.#taken];
    if (part !== undefined) {
      const result = this.draft.take(part);
      if (!result.ok) return "bad";
      this.#taken += 1;
      for (const change of result.changes)
        this.records.push(this.#table.incoming(this.#generation, change));
      this.#robots += result.changes.length;
      if (this.#robots > this.#named.robots) return "bad";
    }
    return this.#taken === this.#named.parts.length ? "ready" : "working";
  }

  #write(writer: GenerationWriter): IntakeState {
    if (!writer.step()) return "unlike";
    const last = writer.hashes.length - 1;
    if (writer.hashes[last] !== this.#named.parts[last]) return "unlike";
    if (!writer.isDone) return "working";
    if (writer.hashes.length !== this.#named.parts.length) return "unlike";
    for (const { robot, sources, merged } of writer.captures()) {
      const isHeld = sources.length === 1 && sources[0]?.epoch === this.#generation.epoch;
      this.records.push({ robot, record: merged, same: isHeld ? merged : undefined });
    }
    return "ready";
  }
}
