/** Regions that are out of reach, for readers (rule VE4). */
import { compareText } from "../ids.ts";
import type { RegionOutage } from "../liveness/regions.ts";
import type { OutageView } from "./node-view.ts";

export function outageView({ from, to, sinceWallMs, accusers }: RegionOutage): OutageView {
  return { from, to, sinceWallMs, accusers };
}

/** By name. */
export function outageViews(outages: Iterable<RegionOutage>): readonly OutageView[] {
  return [...outages].map(outageView).toSorted((a, b) => compareText(a.to, b.to));
}
