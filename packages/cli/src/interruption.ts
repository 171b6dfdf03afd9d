/**
 * Ctrl-C and SIGTERM for commands that wait: the first signal aborts what is under way, the second ends the process at once.
 * Installed only while such a command runs, so that short commands die of a signal as everybody expects.
 */
import { constants } from "node:os";

const echoMs = 200;

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** The signal that came first; undefined before. */
  readonly by: () => NodeJS.Signals | undefined;
}

/** 128 + the signal's number, as shells say it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** On a terminal one Ctrl-C comes twice where a launcher passes it on, and more often where somebody keeps the keys pressed. */
function isEcho(signal: NodeJS.Signals, afterMs: number): boolean {
  return signal === "SIGINT" && process.stdin.isTTY && afterMs < echoMs;
}

/**
 * Catches SIGINT, SIGTERM, SIGHUP and SIGQUIT (Ctrl-\\, which would leave the cursor hidden) until disposed. `onSecond` runs before the process
 * ends; signals in `except` have another meaning.
 */
export function catchInterruption(
  onSecond: () => void = () => {},
  except: readonly NodeJS.Signals[] = [],
): Interruption {
  const controller = new AbortController();
  let by: NodeJS.Signals | undefined;
  let byMs = 0;
  const known: readonly NodeJS.Signals[] =
    process.platform === "win32"
      ? ["SIGINT", "SIGTERM", "SIGHUP"]
      : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  const signals = known.filter((signal) => !except.includes(signal));
  const listener = (signal: NodeJS.Signals): void => {
    if (by === undefined) {
      by = signal;
      byMs = performance.now();
      controller.abort();
      return;
    }
    if (isEcho(signal, performance.now() - byMs)) return;
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
