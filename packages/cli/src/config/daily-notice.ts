/** Something that is said at the start and once a day for as long as it holds: nobody looks at what a node said at its start a year ago. */

const dayMs = 86_400_000;
/** More often than it is said, as the wall clock may be set. */
const lookEveryMs = 3_600_000;

export interface DailyNoticeDeps {
  /** Wall milliseconds. */
  readonly now: () => number;
  /** Says it, if there is something to say, and whether there was. */
  readonly say: () => boolean;
}

export class DailyNotice implements Disposable {
  readonly #deps: DailyNoticeDeps;
  #timer: NodeJS.Timeout | undefined;
  /** Wall milliseconds. */
  #saidWallMs: number | undefined;

  constructor(deps: DailyNoticeDeps) {
    this.#deps = deps;
  }

  /** Says it now, if there is something to say, and goes on looking. Keeps no process alive. */
  start(): void {
    this.#say();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #look(): void {
    const said = this.#saidWallMs;
    if (said === undefined || Math.abs(this.#deps.now() - said) >= dayMs) this.#say();
  }

  #say(): void {
    if (this.#deps.say()) this.#saidWallMs = this.#deps.now();
  }
}
