/** Regions that are out of reach, in words (rule VE4). */
import type { OutageJson, PulsemeshClient, RobotJson } from "@pulsemesh/client";
import { formatAge } from "./duration.ts";
import { printable } from "./printable.ts";

/** One line each; none where all is in reach. */
export function outageLines(outages: readonly OutageJson[] = [], nowWallMs: number): string[] {
  return outages.map((outage) =>
    printable(
      `region ${outage.to} is ${outageText(outage, nowWallMs)}: whether its nodes live cannot be told from here`,
    ),
  );
}

/** Without the region's own name. */
export function outageText({ from, since }: OutageJson, nowWallMs: number): string {
  const ago = formatAge(Math.max(0, nowWallMs - Date.parse(since)));
  return `out of reach of region ${from} since ${since} (${ago} ago)`;
}

/** Asks for them where a robot's status may come of one; robots are what was asked for, so an answer that does not come is none. */
export async function outagesBehind(
  client: PulsemeshClient,
  robots: readonly RobotJson[],
): Promise<readonly OutageJson[]> {
  if (!robots.some(({ status }) => status === "unknown")) return [];
  try {
    return (await client.peers()).view.unreachable ?? [];
  } catch {
    return [];
  }
}
