/**
 * Who is due next, among many: an indexed binary heap of (id, date). Every robot has at most one date in it,
 * so its size is the number of robots and not the number of beats; each change costs O(log n).
 */

export class DeadlineHeap {
  readonly #ids: string[] = [];
  readonly #dates: number[] = [];
  readonly #slots = new Map<string, number>();

  get size(): number {
    return this.#ids.length;
  }

  /** Sets or moves the date of an id. */
  set(id: string, atMs: number): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) {
      this.#place(this.#ids.length, id, atMs);
      this.#rise(this.#ids.length - 1);
      return;
    }
    this.#dates[slot] = atMs;
    this.#rise(slot);
    this.#sink(this.#slots.get(id) ?? slot);
  }

  /** Forgets an id; unknown ones are ignored. */
  delete(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const last = this.#ids.length - 1;
    const [lastId, lastDate] = [this.#ids[last], this.#dates[last]];
    this.#ids.pop();
    this.#dates.pop();
    this.#slots.delete(id);
    if (slot === last || lastId === undefined || lastDate === undefined) return;
    this.#place(slot, lastId, lastDate);
    this.#rise(slot);
    this.#sink(this.#slots.get(lastId) ?? slot);
  }

  /** The date of an id, undefined when it has none. */
  dateOf(id: string): number | undefined {
    const slot = this.#slots.get(id);
    return slot === undefined ? undefined : this.#dates[slot];
  }

  /** The id that is due first; of several at one date the smallest id, so that the order never depends on arrival. */
  peek(): { readonly id: string; readonly atMs: number } | undefined {
    const [id, atMs] = [this.#ids[0], this.#dates[0]];
    return id === undefined || atMs === undefined ? undefined : { id, atMs };
  }

  #place(slot: number, id: string, atMs: number): void {
    this.#ids[slot] = id;
    this.#dates[slot] = atMs;
    this.#slots.set(id, slot);
  }

  #before(a: number, b: number): boolean {
    const [dateA, dateB] = [this.#dates[a] ?? Infinity, this.#dates[b] ?? Infinity];
    return dateA === dateB ? (this.#ids[a] ?? "") < (this.#ids[b] ?? "") : dateA < dateB;
  }

  #swap(a: number, b: number): void {
    const [idA, idB] = [this.#ids[a] ?? "", this.#ids[b] ?? ""];
    const [dateA, dateB] = [this.#dates[a] ?? Infinity, this.#dates[b] ?? Infinity];
    this.#place(a, idB, dateB);
    this.#place(b, idA, dateA);
  }

  #rise(start: number): void {
    let slot = start;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!this.#before(slot, parent)) return;
      this.#swap(slot, parent);
      slot = parent;
    }
  }

  #sink(start: number): void {
    let slot = start;
    for (;;) {
      const left = slot * 2 + 1;
      if (left >= this.#ids.length) return;
      const right = left + 1;
      const child = right < this.#ids.length && this.#before(right, left) ? right : left;
      if (!this.#before(child, slot)) return;
      this.#swap(child, slot);
      slot = child;
    }
  }
}
