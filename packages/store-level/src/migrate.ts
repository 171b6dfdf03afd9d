/**
 * Brings the rows of an earlier format to this release's (rule UP3): works out what all steps that are due make of the rows, one step over
 * the result of the one before, and writes nothing. The caller commits it in one batch together with the new number, so that a crash at
 * any instant leaves the store in its old format or in the new one.
 */
import { type Migration, PulsemeshError, type StoreOp, type StoreRow } from "@pulsemesh/core";

export interface MigrationPlan {
  readonly migrations: readonly Migration[];
  /** The format that the store has. */
  readonly from: number;
  /** The format that it shall have. */
  readonly to: number;
  readonly bytesMax: number;
}

/**
 * All changes of rows from one format to another.
 * @throws PulsemeshError `store-failed` where a step is missing or the changes are more than fit into one commit
 */
export async function plannedOps(
  plan: MigrationPlan,
  scan: (range: Migration["range"]) => AsyncIterable<StoreRow>,
): Promise<readonly StoreOp[]> {
  const changes = new Changes(plan.bytesMax);
  for (let format = plan.from; format < plan.to; format += 1) {
    const steps = plan.migrations.filter(({ from }) => from === format);
    if (steps.length === 0) throw failed(`no step from format ${format} is known`);
    for (const step of steps) {
      const made: StoreOp[] = [];
      for await (const row of changes.over(scan(step.range), step.range))
        made.push(...step.migrate(row));
      for (const op of made) changes.add(op);
    }
  }
  return changes.ops();
}

/** The newest change of each row, and the rows as they would be with them. */
class Changes {
  readonly #ops = new Map<string, StoreOp>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(op: StoreOp): void {
    this.#bytes += op.key.length + (op.type === "put" ? op.value.length : 0);
    if (this.#bytes > this.#bytesMax)
      throw failed(`it would rewrite more than ${this.#bytesMax} bytes at once`);
    this.#ops.set(op.key, op);
  }

  ops(): readonly StoreOp[] {
    return [...this.#ops.values()];
  }

  /** Stored rows as changed, then rows that only the changes have; order is no business of a step, which sees one row at a time. */
  async *over(rows: AsyncIterable<StoreRow>, range: Migration["range"]): AsyncIterable<StoreRow> {
    const seen = new Set<string>();
    for await (const row of rows) {
      const op = this.#ops.get(row.key);
      if (op !== undefined) seen.add(row.key);
      if (op === undefined) yield row;
      else if (op.type === "put") yield { key: op.key, value: op.value };
    }
    for (const op of this.#ops.values()) {
      const isNew = op.type === "put" && !seen.has(op.key);
      if (isNew && op.key >= range.gte && op.key < range.lt) yield { key: op.key, value: op.value };
    }
  }
}

function failed(why: string): PulsemeshError {
  return new PulsemeshError(
    "store-failed",
    `Cannot bring the store to this release's format: ${why}. Nothing was changed; start the release that wrote it, and report this.`,
  );
}
