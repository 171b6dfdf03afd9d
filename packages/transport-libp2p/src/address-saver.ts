/** Saves the address book when it changed, a moment later and one save at a time; a failed save is logged and tried again. */
import type { AddressBook } from "./address-book.ts";
import type { SavedAddresses } from "./address-entry.ts";
import type { AddressStore } from "./address-store.ts";
import type { TransportLogger } from "./options.ts";

const SAVE_EVERY_MS = 1_000;
/** Who has been a member for an hour is it by the clock alone: the book is looked at so often though nothing else has changed. */
const LOOK_EVERY_SAVES = 60;
/** That somebody has been a member for so much longer is news while the node runs, in ms: the file is not to be written anew all the time. */
const BRIEF_STEP_MS = 600_000;

export class AddressSaver {
  readonly #book: AddressBook;
  readonly #store: AddressStore | undefined;
  readonly #logger: TransportLogger;
  #timer: NodeJS.Timeout | undefined;
  /** A book that is empty takes no file's place: what could not be read may be read by a later start. */
  #saved: SavedAddresses = { addresses: [], briefMs: new Map() };
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

  /** What is to be learned, of nodes of which the book knows by then who was a member for a moment only. */
  async load(): Promise<readonly string[]> {
    try {
      const saved = await this.#store?.load();
      this.#book.wereBrief(saved?.briefMs ?? new Map());
      return saved?.addresses ?? [];
    } catch (error) {
      this.#logger.warn({ error }, "cannot read the saved addresses: starting without");
      return [];
    }
  }

  start(): void {
    if (this.#store === undefined) return;
    let revision = -1;
    let passed = 0;
    this.#timer ??= setInterval(() => {
      passed = (passed + 1) % LOOK_EVERY_SAVES;
      if (revision === this.#book.revision && passed > 0) return;
      revision = this.#book.revision;
      this.#queueSave(BRIEF_STEP_MS);
    }, SAVE_EVERY_MS);
  }

  /** Saves what is left to save. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    // To the millisecond, so that the times as a member of short runs add up.
    this.#queueSave(1);
    await this.#saving;
  }

  #queueSave(stepMs: number): void {
    this.#saving = this.#saving.then(() => this.#save(stepMs));
  }

  async #save(stepMs: number): Promise<void> {
    const saved = this.#book.toSave();
    if (textOf(saved, stepMs) === textOf(this.#saved, stepMs)) return;
    try {
      await this.#store?.save(saved);
      this.#saved = saved;
    } catch (error) {
      this.#logger.warn({ error }, "cannot save addresses: a restart will need a join address");
    }
  }
}

function textOf({ addresses, briefMs }: SavedAddresses, stepMs: number): string {
  const brief = [...briefMs].map(([node, ms]) => `${node} ${Math.floor(ms / stepMs)}`);
  return [...addresses, ...brief].join("\n");
}
