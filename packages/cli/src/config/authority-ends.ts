/** What of a fleet's authority ends soon (rules ME1, ME3), for the log of a node and for `doctor`. Pure. */

import { CLOCK_LEEWAY_MS } from "@pulsemesh/core";

const dayMs = 86_400_000;
/** The end of an issuer is said from here on: the root's keys may be in a safe in another town. */
export const ISSUER_SOON_MS: number = 60 * dayMs;
/** A grant is renewed when half of its life is over; when this much of it is, nobody does so. */
const renewedShare = 0.75;
/** Of the usual grant, and of the one that everybody is given who asks; one of another life is meant to end (rule ME7). */
const renewedLivesMs = [14 * dayMs, dayMs];

export interface EndingIssuer {
  readonly key: string;
  readonly endsWallMs: number;
}

export interface HeldGrant {
  /** The member's name, or its id where it was never seen. */
  readonly name: string;
  readonly beginsWallMs: number;
  readonly endsWallMs: number;
  /** Grants of members that are away are not renewed, and that is right. */
  readonly isLive: boolean;
}

export interface DatedStatement {
  /** "charter 2", for instance. */
  readonly name: string;
  readonly atWallMs: number;
}

/** Of these the one that is furthest ahead of the clock, further than clocks may differ; undefined for none. No reader takes it for news. */
export function datedAhead(
  statements: readonly DatedStatement[],
  nowWallMs: number,
): DatedStatement | undefined {
  return statements
    .filter(({ atWallMs }) => atWallMs - nowWallMs > CLOCK_LEEWAY_MS)
    .toSorted((a, b) => b.atWallMs - a.atWallMs)[0];
}

/** Issuers that end within {@link ISSUER_SOON_MS}, or have ended; the first to end first. */
export function endingIssuers(
  issuers: readonly EndingIssuer[],
  nowWallMs: number,
): readonly EndingIssuer[] {
  return issuers
    .filter(({ endsWallMs }) => endsWallMs - nowWallMs <= ISSUER_SOON_MS)
    .toSorted((a, b) => a.endsWallMs - b.endsWallMs);
}

/** Grants of live members that somebody should have renewed by now; the first to end first. */
export function unrenewedGrants(
  grants: readonly HeldGrant[],
  nowWallMs: number,
): readonly HeldGrant[] {
  return grants
    .filter(({ beginsWallMs, endsWallMs, isLive }) => {
      const dueWallMs = beginsWallMs + renewedShare * (endsWallMs - beginsWallMs);
      const isRenewed = renewedLivesMs.includes(endsWallMs - beginsWallMs);
      return isLive && isRenewed && nowWallMs >= dueWallMs;
    })
    .toSorted((a, b) => a.endsWallMs - b.endsWallMs);
}
