/** Says now and then that a node still waits for the first member of its fleet: it is alive, not ready, and nothing else would say why. */
import type { NodeLogger } from "./api.ts";
import type { Clock } from "./driver/clock.ts";

/** Between two words, and before the first. */
export const ALONE_SAID_EVERY_MS: number = 30_000;

export interface AloneWatchDeps {
  /** Resolves when the first member has said hello. */
  readonly met: Promise<void>;
  readonly clock: Pick<Clock, "after">;
  readonly logger: Pick<NodeLogger, "warn">;
}

/** Watches until a member is met; answers how to end that sooner. */
export function watchAlone({ met, clock, logger }: AloneWatchDeps, fleet: string): () => void {
  let callOff = (): void => undefined;
  const wait = (): void => {
    callOff = clock.after(ALONE_SAID_EVERY_MS, () => {
      logger.warn(
        { fleet },
        "no member of the fleet was met yet, so this node is not ready; see that one runs and can be reached",
      );
      wait();
    });
  };
  wait();
  const end = (): void => callOff();
  void met.then(end);
  return end;
}
