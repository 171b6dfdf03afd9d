/** The endless round of an example robot: look, report, wait; a node that does not answer is tried again next round. */
import { setTimeout as wait } from "node:timers/promises";
import type { MeshReporter, Report } from "./mesh-reporter.ts";

export interface RobotLoopOptions {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Told when reports stop getting through and when they do again. */
  readonly say: (line: string) => void;
  /** @default the real timer */
  readonly wait?: ((ms: number) => Promise<void>) | undefined;
}

/** Runs rounds until `signal` aborts. A round that throws is told once and tried again. */
export async function runRobotLoop(
  mesh: MeshReporter,
  round: () => Promise<Report>,
  options: RobotLoopOptions,
): Promise<void> {
  const pause =
    options.wait ??
    ((ms: number) => wait(ms, undefined, { signal: options.signal }).catch(() => {}));
  let reaching = true;
  // Alive before the first look, which may take long.
  await mesh.beat().catch(() => {});
  while (!options.signal.aborted) {
    try {
      await mesh.report(await round());
      if (!reaching) options.say("the node answers again");
      reaching = true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (reaching) options.say(`the node does not answer (${why}); trying again every round`);
      reaching = false;
    }
    await pause(options.everyMs);
  }
}
