/**
 * Which of the others' pulses an own pulse echoes (rules PU1, PU4).
 *
 * A boot is dated by an echo of something that the reader sent a moment ago, so everybody must come up soon. Where there is not room for
 * all, members come before others, and among them those that have waited longest: nodes pulse at fixed distances, and by the newest
 * pulses the same ones would be left out each time, for ever.
 */
import type { Now } from "../now.ts";
import { HEARD_MAX, type Heard } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import type { Subject } from "./subject.ts";

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
  return chosen.slice(0, HEARD_MAX).flatMap((subject) => {
    subject.echoedMonoMs = now.monoMs;
    const { newest } = subject.dating;
    const { shortId } = subject;
    return newest === undefined ? [] : [{ shortId, ...newest, fresh: subject.isFresh(now.monoMs) }];
  });
}

/** Strangers come last: with many keys that pulse often they would push out what members need to be dated. */
function inTurn(heard: readonly Subject[], membership: Membership): readonly Subject[] {
  const rankOf = ({ node }: Subject): number => (membership.member(node) === undefined ? 1 : 0);
  const ranked = heard.map((subject) => ({ subject, rank: rankOf(subject) }));
  ranked.sort(
    ({ subject: a, rank: rankA }, { subject: b, rank: rankB }) =>
      rankA - rankB ||
      compareMoments(a.echoedMonoMs, b.echoedMonoMs) ||
      b.dating.newestArrivalMonoMs - a.dating.newestArrivalMonoMs,
  );
  return ranked.map(({ subject }) => subject);
}

/** Moments may be infinite, and a difference of two of those is no number. */
function compareMoments(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
