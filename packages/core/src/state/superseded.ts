/**
 * Whether a record still says anything (rule CH7): when everything in it is outdone by what others wrote, the view is the same without it,
 * now and after whatever may still come. Stamps only grow, so what outdoes a record outdoes every earlier one of the same author, too.
 */
import { ancestors } from "./pointer.ts";
import type { MergedRecord, RobotRecord } from "./record.ts";

/** `others` is what everybody else wrote about the robot. */
export function isSuperseded(record: RobotRecord, others: MergedRecord): boolean {
  const retiredHlc = others.retired?.hlc ?? 0;
  // Strictly later where the same is said, or two authors could each be dropped for the other's sake.
  if (record.retiredHlc > 0 && retiredHlc <= record.retiredHlc) return false;
  const removedHlc = (pointer: string): number =>
    [pointer, ...ancestors(pointer)].reduce(
      (highest, at) => Math.max(highest, others.tombstones.get(at)?.hlc ?? 0),
      retiredHlc,
    );
  for (const [pointer, hlc] of record.tombstones) if (removedHlc(pointer) <= hlc) return false;
  for (const [pointer, { hlc }] of record.fields) {
    const other = others.fields.get(pointer);
    if (removedHlc(pointer) < hlc && (other === undefined || other.hlc <= hlc)) return false;
  }
  return true;
}
