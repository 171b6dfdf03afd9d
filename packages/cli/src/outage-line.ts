/** Regions that are out of reach, in words (rule VE4). */
import type { OutageJson, PulsemeshClient, RobotJson } from "@pulsemesh/client";
import { performance } from "node:perf_hooks";
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

/** What was said of them is asked for again after this long, though no robot has changed. */
const ASKED_EVERY_MS = 10_000;

/** {@link outagesBehind} for who looks each second: asked anew where other robots are `unknown` than before, else now and then. */
export function outageLook(
  client: PulsemeshClient,
  nowMs: () => number = () => performance.now(),
): (robots: readonly RobotJson[]) => Promise<readonly OutageJson[]> {
  let last: { readonly about: string; readonly atMs: number } | undefined;
  let outages: readonly OutageJson[] = [];
  return async (robots) => {
    const unknown = robots.filter(({ status }) => status === "unknown");
    const about = JSON.stringify(unknown.map(({ robot_id: id, since }) => [id, since]));
    if (about === last?.about && nowMs() - last.atMs < ASKED_EVERY_MS) return outages;
    outages = await outagesBehind(client, unknown);
    last = { about, atMs: nowMs() };
    return outages;
  };
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
