/**
 * Time that passes only when told to: a queue of tasks in a binary heap, and the virtual moment of the one that runs.
 * Tasks of the same moment run in the order in which they were planned, so that a run depends on its seed and on nothing else.
 */

/** Something that happens at a virtual moment. A class with `run` costs less than a closure where there are millions of them. */
export interface VirtualTask {
  run(): void;
}

/** A virtual clock; milliseconds since the start of the run, fractions included. */
export class VirtualClock {
  #nowMs = 0;
  #order = 0;
  #size = 0;
  #times = new Float64Array(1_024);
  #orders = new Float64Array(1_024);
  #tasks: (VirtualTask | undefined)[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Tasks that wait. */
  get size(): number {
    return this.#size;
  }

  /** Plans a task; one in the past runs next. */
  at(atMs: number, task: VirtualTask): void {
    if (this.#size === this.#times.length) this.#grow();
    const time = atMs > this.#nowMs ? atMs : this.#nowMs;
    this.#siftUp(this.#size++, time, this.#order++, task);
  }

  after(delayMs: number, task: VirtualTask): void {
    this.at(this.#nowMs + delayMs, task);
  }

  /** Plans a function. */
  call(atMs: number, run: () => void): void {
    this.at(atMs, { run });
  }

  /** Runs every task up to and including `untilMs`, then stands there. Returns how many ran. */
  runUntil(untilMs: number): number {
    let ran = 0;
    while (this.#size > 0 && (this.#times[0] as number) <= untilMs) {
      this.#nowMs = this.#times[0] as number;
      const task = this.#tasks[0] as VirtualTask;
      this.#removeFirst();
      task.run();
      ran += 1;
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return ran;
  }

  #siftUp(start: number, time: number, order: number, task: VirtualTask): void {
    const times = this.#times;
    const orders = this.#orders;
    const tasks = this.#tasks;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentTime = times[parent] as number;
      if (parentTime < time || (parentTime === time && (orders[parent] as number) < order)) break;
      times[at] = parentTime;
      orders[at] = orders[parent] as number;
      tasks[at] = tasks[parent];
      at = parent;
    }
    times[at] = time;
    orders[at] = order;
    tasks[at] = task;
  }

  #removeFirst(): void {
    const last = --this.#size;
    const times = this.#times;
    const orders = this.#orders;
    const tasks = this.#tasks;
    const time = times[last] as number;
    const order = orders[last] as number;
    const task = tasks[last];
    tasks[last] = undefined;
    if (last === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(child + 1, child)) child += 1;
      const childTime = times[child] as number;
      if (time < childTime || (time === childTime && order < (orders[child] as number))) break;
      times[at] = childTime;
      orders[at] = orders[child] as number;
      tasks[at] = tasks[child];
      at = child;
    }
    times[at] = time;
    orders[at] = order;
    tasks[at] = task;
  }

  #isBefore(a: number, b: number): boolean {
    const timeA = this.#times[a] as number;
    const timeB = this.#times[b] as number;
    return (
      timeA < timeB ||
      (timeA === timeB && (this.#orders[a] as number) < (this.#orders[b] as number))
    );
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
    const orders = new Float64Array(times.length);
    orders.set(this.#orders);
    this.#orders = orders;
  }
}
