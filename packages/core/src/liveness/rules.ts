/**
 * The constants of liveness in one table, and the arithmetic of quorums (rules PU4, PU7, VE2, VE3, VE8).
 * Multiples are of the subject's promised interval where a subject is judged, of the own interval where something is restated.
 */

/** Silence that accuses. */
export const SILENCE_INTERVALS: number = 3.2;
/** Newest dated pulse of a node in sight; less than the silence that accuses, so that a side notices that it lost the majority first. */
export const IN_SIGHT_INTERVALS: number = 2.2;
/** An echo of something sent at most so long ago dates a boot. */
export const ECHO_INTERVALS: number = 2;
/** An offset may rise by so much of the elapsed time (drift of clocks), and by at most one interval over any silence. */
export const OFFSET_RISE_PER_MS: number = 1_000 / 1_000_000;
/** Learned jitter counts up to this many intervals. */
export const JITTER_INTERVALS_MAX: number = 0.5;
/** A witness objects at most this often about one subject, and a lone accuser is answered within so much. */
export const OBJECT_INTERVALS: number = 0.5;
/** A witness says something to everybody at most this often, whichever is less; what it has to say meanwhile is said together (ADR 0012). */
export const SAY_INTERVALS: number = 0.25;
export const SAY_SETTLES: number = 5 / 6;
/** What keeps a verdict from settling waits no longer than this, so that most of the settle time is left for its way. */
export const URGENT_SETTLES: number = 1 / 6;
/** What so many quorums have said is not said again by the others (ADR 0012). */
export const ENOUGH_QUORUMS: number = 2;
/** A node that begins anew is told what stands at most this often. */
export const GREET_INTERVALS: number = 0.5;
/** Standing observations are restated, and expire. */
export const RESTATE_INTERVALS: number = 5;
/** An accusation that has stood for so long is restated half as often, by half of the witnesses in each turn (ADR 0033). */
export const STANDING_INTERVALS: number = 60;
export const EXPIRE_INTERVALS: number = 12;
/** A reader that is no witness drops a verdict that no witness has upheld for so long (rule PU8). */
export const UNSAID_INTERVALS: number = 36;
/** A witness that was objected to twice running, while others say that they hear the subject, accuses alone after so much more silence. */
export const ALONE_INTERVALS: number = 60;
/** A fresh accusation is repeated after these times (ADR 0010): with a fifth of all messages lost, three accusers get through to each other in 1.3 s in all but 1 case of 2,600. */
export const REPEATS_MS: readonly number[] = [250, 500, 750, 1_000, 1_250, 2_000, 3_000];
/** An accused node pulses at once, at most this often. */
export const ANSWER_EVERY_MS: number = 500;
/** A member that was never heard in this boot is not judged before. */
export const START_UP_INTERVALS: number = 10;
/** Share of pulses missed in the window that makes a witness call a node lossy. */
export const LOSSY_SHARE: number = 0.4;
export const LOSSY_WINDOW_MS: number = 20_000;
/** A longer gap is an outage and no loss. */
export const OUTAGE_INTERVALS: number = 6;
/** The second reversal within the window makes a node flapping, until it was clean for so long. */
export const FLAP_WINDOW_MS: number = 600_000;
export const FLAP_CLEAN_MS: number = 60_000;
/** A pulse under the own key that this process did not make is named in the own pulses for so long (rule BK1). */
export const TWIN_ECHO_INTERVALS: number = 12;
/** A twin that answered nothing sent within so much is gone. */
export const TWIN_QUIET_INTERVALS: number = 15;
/** A node that says that it lives twice is shown so until it has not said it for so long. */
export const TWIN_SHOWN_INTERVALS: number = 4;
/** Up to so many members everybody is everybody's witness, and pulses are gossiped (rule PU8). */
export const GOSSIP_ROSTER: number = 32;
/** Witnesses of a node in a larger fleet, and how many of them are of its own region where that has as many. */
export const WITNESSES: number = 8;
export const OWN_REGION_WITNESSES: number = 3;
/** After a change of the roster those who were witnesses before go on judging for so long, … */
export const HAND_OVER_MS: number = 60_000;
/** … and are sent pulses for longer, as not everybody learns of a change at one moment. */
export const HAND_OVER_SEND_MS: number = 90_000;
/** Newest dated pulse of a subject that its witness counts as in sight for others: they hear of it later, and must not be late (rule VE2). */
export const TOLD_SIGHT_INTERVALS: number = 1.5;
/** Members that a witness's sample of the fleet has at least; a smaller one says nothing (rule VE2). */
export const SAMPLE: number = 6;
/** Of a region that is not its own as many; by fewer nothing is known of it. */
export const REGION_SAMPLE: number = 3;
/** The sample of a node's own region is taken together with so many of the kind of all samples. */
export const SAMPLE_PRIOR: number = 3;
/** As long for a node that has had such a majority before: accusations are restated every five intervals. */
export const LISTEN_AGAIN_INTERVALS: number = 8;
/** So long without an accusation, and with a majority in sight, a reader takes a member that it does not judge itself for alive (rule PU8). */
export const QUIET_INTERVALS: number = 20;
/** Who hears a subject answers an accusation within an interval; one that nobody has answered for so long may be right (rule PU8). */
export const ANSWERED_INTERVALS: number = 2.2;
/** Members of one region that must accuse most of another before it counts as out of reach, where there are as many (rule VE4). */
export const REGION_ACCUSERS: number = 2;
/** A sign of life from another node of its region so long after a subject fell silent says that the silence is the subject's own. */
export const REGION_SIGN_INTERVALS: number = 1.5;
/** For so long a quorum of one region waits for a witness of another that neither accuses nor vouches. */
export const REGION_WAIT_INTERVALS: number = 3;
/** Who judges nobody that owes a sign of life hears of others by pulses for everybody alone, of which there is one in 3 s in the smallest of large fleets. */
export const UNHEARD_INTERVALS: number = 60;
/** Accusers that a verdict ever needs. */
export const QUORUM_MAX: number = 3;

/** Strict majority of an electorate (the witnesses and the subject). */
export function majorityOf(electorate: number): number {
  return Math.floor(electorate / 2) + 1;
}

/** Accusers that a verdict takes where part of the roster has no say: two who are left over are no pair (rule VE4). */
export function quorumAmong(electorate: number): number {
  return Math.min(QUORUM_MAX, majorityOf(electorate));
}

/** Accusers that make a verdict over one subject in a roster of this size (rules VE2, VE5). */
export function quorumOf(roster: number, pair: "accuse" | "unknown"): number {
  return roster === 2 && pair === "accuse" ? 1 : quorumAmong(roster);
}

/** Members that must be in sight, the judge included, before it may accuse in a roster of this size (rules VE2, VE5). */
export function sightNeeded(roster: number, pair: "accuse" | "unknown"): number {
  if (roster === 2 && pair === "accuse") return 1;
  return majorityOf(roster);
}
