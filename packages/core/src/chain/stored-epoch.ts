/**
 * One epoch as its rows are read at start, and what of it its author signed: whoever can edit the disk must not put words into anybody's
 * mouth (promise P4).
 *
 * An entry vouches by hash for those before it, so it takes the signature of the last one of each *run* of entries that link, and of proofs:
 * about 0.2 ms an epoch, as most are one run, or two where a snapshot has replaced what followed the header. A signed snapshot vouches for
 * nothing that it does not link to: without a part that is gone it is left out, and what stands before it would be shown.
 */
import type { Env } from "../env.ts";
import { type Envelope, verifyEnvelope } from "../wire/envelope.ts";
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

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(prefix: "chain" | "fork", entry: Entry, envelope: Envelope): void {
    (prefix === "chain" ? this.#entries : this.#forks).push(entry);
    this.#envelopes.set(entry, envelope);
  }

  /** Leaves out what the author never signed. */
  verified(env: Env): VerifiedEpoch {
    const isSigned = (entry: Entry): boolean => {
      const envelope = this.#envelopes.get(entry);
      return envelope !== undefined && verifyEnvelope(env, envelope);
    };
    const entries: Entry[] = [];
    const unsigned: Entry[] = [];
    for (const run of runsOf(this.#entries)) {
      // What does not link is left to whoever builds the epoch, which says so of each.
      const good = 1 + run.findLastIndex(isSigned);
      entries.push(...run.slice(0, good));
      unsigned.push(...run.slice(good));
    }
    const forks = this.#forks.filter(isSigned);
    const unsignedForks = this.#forks.filter((entry) => !forks.includes(entry));
    return { entries, unsigned, forks, unsignedForks };
  }
}

/** Entries of which each holds the hash of the one before: the last of a run vouches for all of it. */
function runsOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const runs: Entry[][] = [];
  let before: Entry | undefined;
  for (const entry of entries) {
    if (before === undefined || entry.prevHash !== before.hash) runs.push([]);
    runs.at(-1)?.push(entry);
    before = entry;
  }
  return runs;
}
