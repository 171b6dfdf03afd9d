/** What every part of core is built from: who we are, how we are configured, what we compute with, where effects go. */
import type { CoreConfig } from "./config.ts";
import type { Outbox } from "./outbox.ts";
import type { Identity, Ports, SignaturePort } from "./ports.ts";

/** What it takes to read and check what others have signed: part of every {@link Env}, and all that a reader outside of a fleet has. */
export interface ReadingEnv {
  readonly identity: Pick<Identity, "fleet">;
  readonly ports: Pick<Ports, "codec" | "hash" | "tokens"> & {
    readonly signature: Pick<SignaturePort, "verify">;
  };
}

export interface Env {
  readonly identity: Identity;
  readonly config: CoreConfig;
  readonly ports: Ports;
  readonly out: Outbox;
}
