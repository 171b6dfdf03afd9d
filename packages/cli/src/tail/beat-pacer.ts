/**
 * Lines into beats, so many a second and no more: a log that writes thousands of lines says nothing more of its robot than that it lives.
 * The first match goes out at once; what comes meanwhile goes out together, one beat for all successes and one for all fails.
 */
import type { LineKind } from "./line-matcher.ts";

export interface PacerOptions {
  /** Between two rounds of beats, in ms. */
  readonly everyMs: number;
  /** Brings a beat away, whose latest line was read at `sinceMonoMs`; a round waits for it. Does not reject. */
  readonly send: (
    kind: LineKind,
    message: string | undefined,
    sinceMonoMs: number,
  ) => Promise<void>;
  /** Waits, or less when the signal says so; a parameter for tests. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly monoMs?: (() => number) | undefined;
}

interface Pending {
  /** When the latest line of each was read, in the order of those. */
  readonly kinds: Map<LineKind, number>;
  fails: number;
  firstFail: string;
  lastFail: string;
}

export class BeatPacer {
  readonly #options: PacerOptions;
  readonly #hurry = new AbortController();
  #pending: Pending | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /**
   * @param readMonoMs - when the line was read: what waits long for its turn must not pass for a sign of life then (promise P3)
   */
  add(kind: LineKind, line: string, readMonoMs: number): void {
    this.#pending ??= { kinds: new Map(), fails: 0, firstFail: line, lastFail: line };
    const pending = this.#pending;
    pending.kinds.delete(kind);
    pending.kinds.set(kind, readMonoMs);
    if (kind === "fail") {
      if (pending.fails === 0) pending.firstFail = line;
      pending.fails += 1;
      pending.lastFail = line;
    }
    this.#running ??= this.#run();
  }

  /** Sends what waits, without waiting; nothing is added afterwards. */
  async finish(): Promise<void> {
    this.#hurry.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { everyMs, send, pause, monoMs = () => performance.now() } = this.#options;
    while (this.#pending !== undefined) {
      const pending = this.#pending;
      this.#pending = undefined;
      const startMs = monoMs();
      for (const [kind, readMonoMs] of pending.kinds) {
        await send(kind, kind === "fail" ? messageOf(pending) : undefined, readMonoMs);
      }
      const { signal } = this.#hurry;
      if (!signal.aborted) await pause(Math.max(0, startMs + everyMs - monoMs()), signal);
    }
    this.#running = undefined;
  }
}

/** The first line is mostly the cause, the last one the news. */
function messageOf({ fails, firstFail, lastFail }: Pending): string {
  if (fails === 1) return firstFail;
  if (fails === 2) return `${firstFail}\n${lastFail}`;
  return `${firstFail}\n(${fails - 2} more)\n${lastFail}`;
}
