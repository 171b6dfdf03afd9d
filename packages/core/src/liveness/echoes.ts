/**
 * Which of the others' pulses an own pulse echoes (rules PU1, PU4).
 *
 * A boot is dated by an echo of something that the reader sent a moment ago, so everybody must come up soon. Where there is not room for
 * all, members come before others but for a few seats, and of each those that have waited longest. Nodes pulse at fixed distances: by the
 * newest pulses the same ones would be left out each time, for ever.
 */
import type { Now } from "../now.ts";
import { HEARD_MAX, type Heard } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import type { Subject } from "./subject.ts";

/** Of what one pulse echoes, so much is left to those who are no members: observers, and who is about to join. */
const STRANGER_SEATS = 8;

/** The newest pulses heard in the last `recentMs`, at most {@link HEARD_MAX}; they count as echoed now. */
export function echoes(
  subjects: Iterable<Subject>,
  membership: Membership,
  recentMs: number,
  now: Now,
): readonly Heard[] {
  const heard: Subject[] = [];
  for (const subject of subjects) {
    if (subject.dating.newest === undefined) continue;
    if (now.monoMs - subject.dating.newestArrivalMonoMs <= recentMs) heard.push(subject);
  }
  const chosen = heard.length > HEARD_MAX ? inTurn(heard, membership) : heard;
  return chosen.flatMap((subject) => {
    subject.echoedMonoMs = now.monoMs;
    const { newest } = subject.dating;
    const { shortId } = subject;
    return newest === undefined ? [] : [{ shortId, ...newest, fresh: subject.isFresh(now.monoMs) }];
  });
}

/** With many keys that pulse often strangers would push out members; without any seat observers of a large fleet would date nobody. */
function inTurn(heard: readonly Subject[], membership: Membership): readonly Subject[] {
  const members: Subject[] = [];
  const strangers: Subject[] = [];
  for (const subject of heard.toSorted(byWaiting))
    (membership.member(subject.node) === undefined ? strangers : members).push(subject);
  const reserved = Math.min(strangers.length, STRANGER_SEATS);
  const taken = members.slice(0, HEARD_MAX - reserved);
  return [...taken, ...strangers.slice(0, HEARD_MAX - taken.length)];
}

/** Longest not echoed first, then newest first. */
function byWaiting(a: Subject, b: Subject): number {
  const waited = compareMoments(a.echoedMonoMs, b.echoedMonoMs);
  return waited === 0 ? b.dating.newestArrivalMonoMs - a.dating.newestArrivalMonoMs : waited;
}

/** Moments may be infinite, and a difference of two of those is no number. */
function compareMoments(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
