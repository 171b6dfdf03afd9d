/**
 * One epoch as its rows are read at start, and what of it its author signed: whoever can edit the disk must not put words into anybody's
 * mouth (promise P4).
 *
 * An entry vouches by hash for those before it, so it takes the signatures of the last one, of what no later one vouches for, and of
 * proofs: about 0.2 ms an epoch.
 */
import type { Env } from "../env.ts";
import { type Envelope, verifyEnvelope, verifyEnvelopeSoon } from "../wire/envelope.ts";
import type { Entry } from "./entry.ts";

/** What an epoch is built from, and what is left out. */
export interface VerifiedEpoch {
  readonly entries: readonly Entry[];
  readonly forks: readonly Entry[];
  readonly unsigned: readonly Entry[];
  readonly unsignedForks: readonly Entry[];
}

export class StoredEpoch {
  readonly #entries: Entry[] = [];
  readonly #forks: Entry[] = [];
  readonly #envelopes = new Map<Entry, Envelope>();
  #bytes = 0;

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Of all its rows. */
  get bytes(): number {
    return this.#bytes;
  }

  add(prefix: "chain" | "fork", entry: Entry, envelope: Envelope): void {
    (prefix === "chain" ? this.#entries : this.#forks).push(entry);
    this.#envelopes.set(entry, envelope);
    this.#bytes += entry.bytes.length;
  }

  /** Says ahead which signatures {@link verified} will ask for, where all is well. */
  foresee(env: Env): void {
    const newest = this.#entries.at(-1);
    const needed = [...this.#alone(), ...this.#forks, ...(newest === undefined ? [] : [newest])];
    for (const entry of new Set(needed)) {
      const envelope = this.#envelopes.get(entry);
      if (envelope !== undefined) verifyEnvelopeSoon(env, envelope);
    }
  }

  /** Leaves out what the author never signed. */
  verified(env: Env): VerifiedEpoch {
    const isSigned = (entry: Entry): boolean => {
      const envelope = this.#envelopes.get(entry);
      return envelope !== undefined && verifyEnvelope(env, envelope);
    };
    const alone = this.#alone().filter((entry) => !isSigned(entry));
    const rest =
      alone.length === 0 ? this.#entries : this.#entries.filter((entry) => !alone.includes(entry));
    const links = rest.findIndex((entry, i) => !follows(entry, rest[i - 1]));
    const linked = links < 0 ? rest.length : links;
    let good = linked;
    while (good > 0 && !isSigned(rest[good - 1] as Entry)) good -= 1;
    const forks = this.#forks.filter(isSigned);
    const proofs = { forks, unsignedForks: this.#forks.filter((entry) => !forks.includes(entry)) };
    // What does not link is left to whoever builds the epoch, which says so of each.
    if (good === linked) return { ...proofs, entries: rest, unsigned: alone };
    const unsigned = [...alone, ...rest.slice(good)];
    return { ...proofs, entries: rest.slice(0, good), unsigned };
  }

  /** Those for which no later one vouches. */
  #alone(): readonly Entry[] {
    const vouchedFrom = vouchedFromOf(this.#entries);
    return this.#entries.filter((entry, i) => i < vouchedFrom && standsAlone(entry));
  }
}

/** Headers whose followers a snapshot has replaced, and snapshots. */
function standsAlone({ seq, payload }: Entry): boolean {
  return seq === 0 || payload.kind === "snapshot";
}

/** Where the last run of entries begins of which each holds the hash of the one before: its end vouches for all of it. */
function vouchedFromOf(entries: readonly Entry[]): number {
  if (entries.some((entry, i) => !follows(entry, entries[i - 1]))) return entries.length;
  let from = entries.length - 1;
  while (from > 0 && entries[from]?.prevHash === entries[from - 1]?.hash) from -= 1;
  return from;
}

function follows({ prevHash, seq, payload }: Entry, before: Entry | undefined): boolean {
  if (before === undefined || payload.kind === "snapshot") return true;
  return seq === before.seq + 1 && prevHash === before.hash;
}
