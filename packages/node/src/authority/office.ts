/**
 * Whether an issuer is at work beside this node, now (rule ME7): the key in the data directory may be replaced while the node runs, and the root statement
 * that names it, or names it no more, may come later. So it is looked up anew with every root statement, and nobody has to start the node again.
 */
import type { CoreEvent } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";

/** What an office needs of who holds it. */
export interface OfficeHolder {
  end(): void;
  /** Resolves when nothing is being signed of its own accord. */
  idle(): Promise<void>;
  /** Another process was found on a copy of this folder. Never rejects. */
  doubled(): Promise<void>;
}

export interface OfficeDeps<T extends OfficeHolder> {
  /** Which key is here, if the root names it; undefined for none. */
  readonly keyHere: () => Promise<string | undefined>;
  /** The issuer with it at work; undefined where there is none. */
  readonly open: () => Promise<T | undefined>;
  /** Nobody is at work any more. */
  readonly closed: () => Promise<void>;
  readonly logger: Pick<NodeLogger, "info" | "error">;
}

export class Office<T extends OfficeHolder> {
  readonly #deps: OfficeDeps<T>;
  #holder: { readonly key: string; readonly issuing: T } | undefined;
  #work: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(deps: OfficeDeps<T>) {
    this.#deps = deps;
  }

  /** Who is at work. */
  get current(): T | undefined {
    return this.#holder?.issuing;
  }

  /** @throws what opening throws: a key that is sealed or damaged ends the start */
  async start(): Promise<void> {
    await this.#renew();
    if (this.current === undefined) await this.#deps.closed();
  }

  /** Looks with each root statement, and hands on that there is a twin, until the events end. Never rejects. */
  async watch(events: AsyncIterable<CoreEvent | { readonly type: "lost" }>): Promise<void> {
    for await (const event of events) {
      if (event.type === "lost" || (event.type === "statement" && event.kind === "root"))
        await this.look();
      if (event.type === "twin") await this.current?.doubled();
    }
  }

  /** One look after the other; never rejects. */
  look(): Promise<void> {
    this.#work = this.#work
      .then(() => this.#renew())
      .catch((error: unknown) => {
        this.#deps.logger.error({ error: String(error) }, "cannot take up the issuer's key");
      });
    return this.#work;
  }

  end(): void {
    this.#hasEnded = true;
    this.current?.end();
  }

  async #renew(): Promise<void> {
    const { keyHere, open, closed, logger } = this.#deps;
    const key = await keyHere();
    if (this.#hasEnded || key === this.#holder?.key) return;
    const last = this.#holder?.issuing;
    last?.end();
    await last?.idle();
    this.#holder = undefined;
    const issuing = key === undefined ? undefined : await open();
    if (key === undefined || issuing === undefined) return await closed();
    this.#holder = { key, issuing };
    // The node may have been stopped meanwhile.
    if (this.#hasEnded) issuing.end();
    else logger.info({ key }, "this node issues");
  }
}
