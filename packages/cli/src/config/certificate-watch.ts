/**
 * Says in good time that the certificate of the HTTP port ends (rule CFG11): at the start, at a reload, and once a day while the node runs,
 * as nobody looks at what a node said at its start a year ago.
 */
import type { RunLogger } from "../run-logger.ts";
import { DailyNotice } from "./daily-notice.ts";

/** From here on it is said. */
export const CERTIFICATE_SOON_MS: number = 14 * 86_400_000;

export interface CertificateWatchDeps {
  readonly logger: RunLogger;
  /** Wall milliseconds. */
  readonly now: () => number;
  /** When the certificate in use expires, in wall milliseconds; undefined where none is in use. */
  readonly expiresWallMs: () => number | undefined;
}

export class CertificateWatch {
  readonly #deps: CertificateWatchDeps;
  readonly #notice: DailyNotice;

  constructor(deps: CertificateWatchDeps) {
    this.#deps = deps;
    this.#notice = new DailyNotice({ now: deps.now, say: () => this.#say() });
  }

  /** Says it now, if there is something to say, and goes on looking. Keeps no process alive. */
  start(): void {
    this.#notice.start();
  }

  stop(): void {
    this.#notice.stop();
  }

  #say(): boolean {
    const { logger, now, expiresWallMs } = this.#deps;
    const wallMs = expiresWallMs();
    const leftMs = (wallMs ?? Number.POSITIVE_INFINITY) - now();
    if (wallMs === undefined || leftMs > CERTIFICATE_SOON_MS) return false;
    const at = new Date(wallMs).toISOString();
    if (leftMs > 0) logger.warn({ at }, "the certificate of the HTTP port expires soon");
    else logger.error({ at }, "the certificate of the HTTP port has expired");
    return true;
  }
}
