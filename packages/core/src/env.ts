/** What every part of core is built from: who we are, how we are configured, what we compute with, where effects go. */
import type { CoreConfig } from "./config.ts";
import type { Outbox } from "./outbox.ts";
import type { Identity, Ports } from "./ports.ts";

export interface Env {
  readonly identity: Identity;
  readonly config: CoreConfig;
  readonly ports: Ports;
  readonly out: Outbox;
}
