/**
 * Which of the records that are held count for a robot's view (rule CH4): a function of what is held and of nothing else, so that every
 * node counts the same ones in whatever order they came (promise P1).
 *
 * Each author's newest epochs count. What an author writes begins with all that it wrote before, so its newest record is whole; older
 * ones say more only when it lost its disk, until its next snapshot. Without the limit one key could lay 64 records beside each other, and
 * every change of the robot would cost all of them. Nobody's records count against another's: the limit is each author's own.
 */
import type { NodeId } from "../ids.ts";
import { CLAIM, type Source } from "./record.ts";

/** Newest epochs of one author whose records of one robot count; twice as many as an author lets be live. */
export const RECORDS_COUNTED_MAX: number = 8;

/** The sources that count, in no order that matters. */
export function countedSources(sources: readonly Source[]): readonly Source[] {
  if (sources.length <= RECORDS_COUNTED_MAX) return sources;
  return [...Map.groupBy(sources, ({ author }) => author).values()].flatMap((own) =>
    own.length <= RECORDS_COUNTED_MAX
      ? own
      : own.toSorted((a, b) => b.epoch - a.epoch).slice(0, RECORDS_COUNTED_MAX),
  );
}

/** The stamp of an author's newest claim, 0 without one. */
export function claimOf(sources: readonly Source[], author: NodeId, horizon: number): number {
  let claimHlc = 0;
  for (const source of sources) {
    const hlc = source.record.fields.get(CLAIM)?.hlc ?? 0;
    if (source.author === author && hlc <= horizon) claimHlc = Math.max(claimHlc, hlc);
  }
  return claimHlc;
}

/** Whose retired markers count: until there are grants, of whoever claims the robot in its own chain. */
export function heededClaims(sources: readonly Source[], horizon: number): ReadonlySet<NodeId> {
  const claims = new Set<NodeId>();
  for (const { author, record } of sources) {
    const hlc = record.fields.get(CLAIM)?.hlc;
    if (hlc !== undefined && hlc <= horizon) claims.add(author);
  }
  return claims;
}
