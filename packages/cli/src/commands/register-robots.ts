/** Registers robots with a node that may still be joining. Many at a time, so that thousands share the syncs of the disk. */
import { setTimeout as wait } from "node:timers/promises";
import { PulsemeshError, type RegisterCommand } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";

const retryMs = 100;
const atOnce = 200;

/**
 * Resolves when all are durable, or when `signal` aborts. A node that is still joining answers `not-ready`; its robots wait with it.
 * @throws PulsemeshError with the code of the first refusal; the others of its batch may have been taken
 */
export async function registerRobots(
  node: Pick<PulsemeshNode, "command">,
  robots: readonly RegisterCommand[],
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < robots.length && !signal.aborted; from += atOnce) {
    const batch = robots.slice(from, from + atOnce);
    await Promise.all(batch.map((robot) => register(node, robot, signal)));
  }
}

async function register(
  node: Pick<PulsemeshNode, "command">,
  robot: RegisterCommand,
  signal: AbortSignal,
): Promise<void> {
  let answer = await node.command(robot);
  while (!answer.ok && answer.code === "not-ready" && !signal.aborted) {
    await wait(retryMs);
    answer = await node.command(robot);
  }
  if (answer.ok || signal.aborted) return;
  throw new PulsemeshError(
    answer.code,
    `Cannot register robot '${robot.robot}': ${answer.detail}`,
    { changed: true },
  );
}
