/** Saves the address book when it changed, a moment later and one save at a time; a failed save is logged and tried again. */
import type { AddressBook } from "./address-book.ts";
import type { AddressStore } from "./address-store.ts";
import type { TransportLogger } from "./options.ts";

const SAVE_EVERY_MS = 1_000;

export class AddressSaver {
  readonly #book: AddressBook;
  readonly #store: AddressStore | undefined;
  readonly #logger: TransportLogger;
  #timer: NodeJS.Timeout | undefined;
  #savedText = "";
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: {
    readonly book: AddressBook;
    readonly store: AddressStore | undefined;
    readonly logger: TransportLogger;
  }) {
    this.#book = deps.book;
    this.#store = deps.store;
    this.#logger = deps.logger;
  }

  async load(): Promise<readonly string[]> {
    try {
      return (await this.#store?.load()) ?? [];
    } catch (error) {
      this.#logger.warn({ error }, "cannot read the saved addresses: starting without");
      return [];
    }
  }

  start(): void {
    if (this.#store === undefined) return;
    let revision = -1;
    this.#timer ??= setInterval(() => {
      if (revision === this.#book.revision) return;
      revision = this.#book.revision;
      this.#queueSave();
    }, SAVE_EVERY_MS);
  }

  /** Saves what is left to save. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#queueSave();
    await this.#saving;
  }

  #queueSave(): void {
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    const addresses = this.#book.toSave();
    const text = addresses.join("\n");
    if (text === this.#savedText) return;
    try {
      await this.#store?.save(addresses);
      this.#savedText = text;
    } catch (error) {
      this.#logger.warn({ error }, "cannot save addresses: a restart will need a join address");
    }
  }
}
