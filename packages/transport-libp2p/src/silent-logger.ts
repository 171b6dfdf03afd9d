/**
 * libp2p's logger, switched off for good. The default one asks the terminal and builds a formatter for every stream, which is
 * a measurable part of the cost of a connection. With `DEBUG` set, libp2p's own logger stays.
 */
import type { ComponentLogger, Logger } from "@libp2p/interface";

const silent: Logger = Object.assign(ignore, {
  error: ignore,
  trace: ignore,
  enabled: false,
  newScope: () => silent,
});

/** What to pass to a host as `logger`: nothing when somebody debugs libp2p. */
export function hostLogger(debug: string | undefined): { readonly logger?: ComponentLogger } {
  return debug === undefined || debug === "" ? { logger: { forComponent: () => silent } } : {};
}

function ignore(): void {
  // Off.
}
