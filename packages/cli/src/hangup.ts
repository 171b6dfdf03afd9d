/**
 * SIGHUP has two meanings: "read your configuration again", to a service, and "your terminal is gone", to what somebody typed. Whether there
 * still is a terminal tells them apart.
 */
import { closeSync, openSync } from "node:fs";

/** Calls `reload` at each SIGHUP until disposed, and ignores it from then on; one that says that the terminal is gone becomes SIGTERM. */
export function onHangup(reload: () => void): Disposable {
  const hadTerminal = hasTerminal();
  const listener = (): void => {
    if (hadTerminal && !hasTerminal()) process.kill(process.pid, "SIGTERM");
    else reload();
  };
  process.on("SIGHUP", listener);
  return {
    [Symbol.dispose]: () => {
      // A node that has stopped is not to end by the signal of somebody who wanted it to go on.
      process.on("SIGHUP", ignore);
      process.off("SIGHUP", listener);
    },
  };
}

function ignore(): void {
  // Nothing is left to reload.
}

/** Whether this process has a controlling terminal. */
function hasTerminal(): boolean {
  if (process.platform === "win32") return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
