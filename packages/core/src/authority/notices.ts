/** What follows from the statements and from the clock, said where it has changed: the grant that this node presents, and that it heard nothing for a day. */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { Now } from "../now.ts";
import type { Authority } from "./authority.ts";

export class Notices {
  readonly #env: Env;
  readonly #authority: Authority;
  readonly #audit: AuditLog;
  #presented: string | undefined;
  #wasStale = false;

  constructor(env: Env, authority: Authority, audit: AuditLog) {
    this.#env = env;
    this.#authority = authority;
    this.#audit = audit;
  }

  look(now: Now): void {
    this.#present();
    this.#tellStale(now);
  }

  /** The newest own grant that counts goes with each hello. */
  #present(): void {
    const token = this.#authority.grantToken(this.#env.identity.self);
    if (token === this.#presented) return;
    this.#presented = token;
    this.#env.out.present(token);
  }

  /** Rule ME3: once each way. */
  #tellStale(now: Now): void {
    const isStale = this.#authority.isStale(now.wallMs);
    if (isStale === this.#wasStale) return;
    this.#wasStale = isStale;
    const newsWallMs = this.#authority.newsWallMs(now.wallMs);
    this.#audit.append("authority-stale", { isStale, newsWallMs }, now);
    this.#env.out.emit({ type: "authority-stale", isStale, newsWallMs, atWallMs: now.wallMs });
  }
}
