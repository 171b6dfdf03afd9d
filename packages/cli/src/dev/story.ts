/** Plays the steps of `dev --once`: one after the other, timed, each with its limit and all together with one. */

export interface StepResult {
  /** What was measured or found, in words for people and numbers for machines. */
  readonly note?: string | undefined;
  readonly measured?: Readonly<Record<string, number | string>> | undefined;
}

export interface Step {
  readonly name: string;
  readonly play: (signal: AbortSignal) => Promise<StepResult>;
}

export interface PlayedStep extends StepResult {
  readonly step: number;
  readonly of: number;
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly error?: string | undefined;
}

export interface PlayOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onStep: (step: PlayedStep) => void;
  /** Steps of the same story that were played already, and count. @default 0 */
  readonly playedBefore?: number | undefined;
}

/** Plays until the first step that fails. @returns what became of each step that was played */
export async function playStory(
  steps: readonly Step[],
  options: PlayOptions,
): Promise<readonly PlayedStep[]> {
  const { playedBefore = 0 } = options;
  const played: PlayedStep[] = [];
  for (const [i, { name, play }] of steps.entries()) {
    const startMs = options.now();
    const at = { step: playedBefore + i + 1, of: playedBefore + steps.length, name };
    let result: PlayedStep;
    try {
      const { note, measured } = await play(options.signal);
      result = { ...at, ok: true, ms: Math.round(options.now() - startMs), note, measured };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      result = { ...at, ok: false, ms: Math.round(options.now() - startMs), error: why };
    }
    played.push(result);
    options.onStep(result);
    if (!result.ok) break;
  }
  return played;
}

/** One line for people. */
export function stepLine({ step, of, name, ok, ms, note, error }: PlayedStep): string {
  const number = `${String(step).padStart(2)}/${of}`;
  const line = `${ok ? "✔" : "✘"} ${number}  ${name.padEnd(58)} ${String(ms).padStart(6)} ms`;
  const extra = ok ? note : error;
  return extra === undefined ? line : `${line}   ${extra}`;
}
