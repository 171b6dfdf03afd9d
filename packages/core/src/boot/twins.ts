/**
 * Is another process alive under this node's key? (rule BK1, ADR 0019)
 *
 * Intuition: a copied disk and a restored one look alike at first, for in both cases others hold pulses under the own key that this process
 * never made. What tells them apart is an answer. Each node names in its own header the newest such pulse that reached it; a header under
 * the own key that names a pulse which *this process* has sent was made later than that pulse, and by somebody else, because no process
 * ever names its own. No recording can do that, no relay and no member without the key; clocks have no part in it.
 *
 * Rejected: two connections of one peer id, or two boots that take turns (a third node would have to be believed, and a recording does the
 * same); a boot that goes on growing (so does this node's own past, as peers hand it over piece by piece after a restore).
 */
import { comparePulseNames, type PulseName } from "../ids.ts";
import { TWIN_ECHO_INTERVALS, TWIN_QUIET_INTERVALS } from "../liveness/rules.ts";
import type { Now } from "../now.ts";

/** Boots of this process that are told apart from a stranger's; it opens few (rule PU6). */
export const OWN_BOOTS_MAX: number = 16;
/** Own pulses whose time is remembered; at least half an interval apart. */
export const OWN_SAMPLES_MAX: number = 64;
/** Boots of others under the own key that are remembered, so that each of several processes is answered. */
export const FOREIGN_BOOTS_MAX: number = 8;
/** Pulses under the own key, and not above the own newest, that are verified in a second; the rest is dropped unread. */
export const FOREIGN_PULSES_PER_SECOND_MAX: number = 20;

/** What a header says of others under its author's key. */
export interface TwinEcho extends PulseName {
  /** The author has proof that the other process is alive now. */
  readonly isProved: boolean;
}

/** A header with a valid signature under the own key. */
export interface OwnKeyHeader extends PulseName {
  readonly twin?: TwinEcho | undefined;
  readonly pausedForMs: number | undefined;
  readonly goodbye: boolean;
}

export type TwinChange = "none" | "found" | "over";

/** The newest pulse of one boot under the own key that this process did not open. */
interface Foreign extends PulseName {
  readonly atMonoMs: number;
  /** When an own pulse named one of this boot last. */
  readonly namedMonoMs: number;
  /** It has not been named itself. */
  readonly isNew: boolean;
}

export class Twins {
  readonly #intervalMs: number;
  /** Newest pulse of each boot of this process. */
  readonly #boots = new Map<number, number>();
  #samples: (PulseName & { readonly atMonoMs: number })[] = [];
  #pastBoot = 0;
  /** By boot, the one that was heard last at the end. */
  readonly #foreign = new Map<number, Foreign>();
  #highestBoot = 0;
  /** When this process sent the newest pulse that the twin has answered; undefined without proof. */
  #answeredMonoMs: number | undefined;
  /** Answers to what was sent before are spent: the twin has said farewell since. */
  #afterMonoMs = Number.NEGATIVE_INFINITY;
  #newest: PulseName | undefined;
  #sinceWallMs = 0;

  /** `intervalMs`: between two pulses. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The other process, while it is proved to be alive: its newest pulse known. */
  get twin(): PulseName | undefined {
    return this.#answeredMonoMs === undefined ? undefined : this.#newest;
  }

  /** The newest pulse of the last twin, also after it has gone. */
  get newest(): PulseName | undefined {
    return this.#newest;
  }

  /** Since when there has been proof of the present twin, for readers. */
  get sinceWallMs(): number {
    return this.#sinceWallMs;
  }

  /** Newest boot under the own key that this process did not open. */
  get highestBoot(): number {
    return this.#highestBoot;
  }

  /** The disk knows that this node has used boots up to this one before. */
  restored(boot: number): void {
    this.#pastBoot = boot;
  }

  /** This process is about to send a pulse. */
  sent(name: PulseName, now: Now): void {
    this.#boots.delete(name.boot);
    this.#boots.set(name.boot, name.seq);
    for (const boot of this.#boots.keys()) {
      if (this.#boots.size <= OWN_BOOTS_MAX) break;
      this.#boots.delete(boot);
    }
    const last = this.#samples.at(-1);
    const isNear = last?.boot === name.boot && now.monoMs - last.atMonoMs < this.#intervalMs / 2;
    if (!isNear) this.#samples.push({ boot: name.boot, seq: name.seq, atMonoMs: now.monoMs });
    if (this.#samples.length > OWN_SAMPLES_MAX) this.#samples.shift();
  }

  /**
   * Whether a pulse under the own key is of no process that this disk knows of, or answers this one: a disk that is copied while its process
   * runs knows the boot of that process, which opens no further one while it is held.
   */
  isForeign(header: PulseName & { readonly twin?: TwinEcho | undefined }): boolean {
    if (this.#isMine(header)) return false;
    const { boot, twin } = header;
    return boot > this.#pastBoot || (twin !== undefined && this.#sentAt(twin) !== undefined);
  }

  /** Takes a foreign header under the own key. */
  onHeader(header: OwnKeyHeader, now: Now): TwinChange {
    const { boot, seq, twin } = header;
    this.#note(header, now);
    this.#highestBoot = Math.max(this.#highestBoot, boot);
    const sentMonoMs = twin === undefined ? undefined : this.#sentAt(twin);
    if (sentMonoMs === undefined || sentMonoMs <= this.#afterMonoMs) return "none";
    if (now.monoMs - sentMonoMs > this.#quietMs) return "none";
    if (header.goodbye || header.pausedForMs !== undefined) {
      this.#afterMonoMs = now.monoMs;
      return this.#end();
    }
    const isFirst = this.#answeredMonoMs === undefined;
    if (isFirst) this.#sinceWallMs = now.wallMs;
    this.#answeredMonoMs = Math.max(this.#answeredMonoMs ?? sentMonoMs, sentMonoMs);
    this.#newest = { boot, seq };
    return isFirst ? "found" : "none";
  }

  /** This process sent nothing for so long, which nobody can have answered. */
  stalled(forMs: number): void {
    if (this.#answeredMonoMs !== undefined) this.#answeredMonoMs += forMs;
  }

  /** Whether the twin has been quiet for so long that it is taken for gone. */
  check(now: Now): TwinChange {
    if (this.#answeredMonoMs === undefined) return "none";
    return now.monoMs - this.#answeredMonoMs > this.#quietMs ? this.#end() : "none";
  }

  /** What the own next header says, which is being made: where several other processes have the key, each is named in turn. */
  echo(now: Now): TwinEcho | undefined {
    const isProved = this.#answeredMonoMs !== undefined;
    const newest = [...this.#foreign.values()].at(-1);
    if (newest === undefined) return undefined;
    const echoMs = TWIN_ECHO_INTERVALS * this.#intervalMs;
    if (now.monoMs - newest.atMonoMs > echoMs && !isProved) return undefined;
    let next = newest;
    for (const foreign of this.#foreign.values()) {
      const isWaiting = foreign.isNew && now.monoMs - foreign.atMonoMs <= echoMs;
      if (isWaiting && (!next.isNew || foreign.namedMonoMs < next.namedMonoMs)) next = foreign;
    }
    const { boot, seq } = next;
    this.#foreign.set(boot, { ...next, namedMonoMs: now.monoMs, isNew: false });
    return { boot, seq, isProved };
  }

  get #quietMs(): number {
    return TWIN_QUIET_INTERVALS * this.#intervalMs;
  }

  #end(): TwinChange {
    const had = this.#answeredMonoMs !== undefined;
    this.#answeredMonoMs = undefined;
    this.#foreign.clear();
    return had ? "over" : "none";
  }

  #note({ boot, seq }: PulseName, now: Now): void {
    const known = this.#foreign.get(boot);
    const isNew = known === undefined || seq > known.seq;
    this.#foreign.delete(boot);
    this.#foreign.set(boot, {
      boot,
      seq: Math.max(seq, known?.seq ?? 0),
      atMonoMs: now.monoMs,
      namedMonoMs: known?.namedMonoMs ?? Number.NEGATIVE_INFINITY,
      isNew: isNew || known.isNew,
    });
    for (const heardFirst of this.#foreign.keys()) {
      if (this.#foreign.size <= FOREIGN_BOOTS_MAX) break;
      this.#foreign.delete(heardFirst);
    }
  }

  #isMine({ boot, seq }: PulseName): boolean {
    return seq <= (this.#boots.get(boot) ?? 0);
  }

  /** When this process sent a pulse, at the earliest; undefined if it did not, or too long ago. */
  #sentAt(name: PulseName): number | undefined {
    if (!this.#isMine(name)) return undefined;
    return this.#samples.findLast((sample) => comparePulseNames(sample, name) <= 0)?.atMonoMs;
  }
}
