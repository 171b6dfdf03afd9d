/**
 * How often a running node may begin a new boot in place. Two live copies of one node (a cloned container) prove each other a higher boot
 * at the speed of the network, and a wall clock that two services fight over steps all the time; each boot costs every member a header.
 */

/** Boots in place within {@link BOOTS_WINDOW_MS}; a further one waits. */
export const BOOTS_IN_PLACE_MAX: number = 3;
export const BOOTS_WINDOW_MS: number = 30_000;

export class BootRate {
  #openedMonoMs: readonly number[] = [];

  /** Counts one; false, and not counted, when it has to wait. */
  admit(nowMonoMs: number): boolean {
    const recent = this.#openedMonoMs.filter((atMonoMs) => nowMonoMs - atMonoMs < BOOTS_WINDOW_MS);
    const isAdmitted = recent.length < BOOTS_IN_PLACE_MAX;
    this.#openedMonoMs = isAdmitted ? [...recent, nowMonoMs] : recent;
    return isAdmitted;
  }
}
