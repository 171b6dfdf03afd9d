/**
 * Ctrl-C and SIGTERM for commands that wait: the first signal aborts what is under way, the second ends the process at once.
 * Installed only while such a command runs, so that short commands die of a signal as everybody expects.
 */
import { constants } from "node:os";

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** The signal that came first; undefined before. */
  readonly by: () => NodeJS.Signals | undefined;
}

/** 128 + the signal's number, as shells say it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Catches SIGINT, SIGTERM and SIGHUP until disposed. `onSecond` runs before the process ends. */
export function catchInterruption(onSecond: () => void = () => {}): Interruption {
  const controller = new AbortController();
  let by: NodeJS.Signals | undefined;
  const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const listener = (signal: NodeJS.Signals): void => {
    if (by === undefined) {
      by = signal;
      controller.abort();
      return;
    }
    onSecond();
    process.exit(signalExitCode(signal));
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    by: () => by,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
