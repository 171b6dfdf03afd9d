/** Tries a list of mutations, two at a time: that is how many tests a small machine runs at once without time-outs. */
import type { Mutation } from "./mutation.ts";
import { findFaults, type Outcome, tryMutation } from "./outcome.ts";

export interface TryResult {
  /** In the order of the list. */
  readonly killed: readonly Extract<Outcome, { readonly type: "killed" }>[];
  readonly problems: readonly string[];
}

const WORKERS = 2;

/** `say` hears of each mutation as it is done. */
export async function tryAll(
  mutations: readonly Mutation[],
  say: (line: string) => void = () => {},
): Promise<TryResult> {
  const faults = await findFaults(mutations);
  if (faults.length > 0)
    return { killed: [], problems: faults.map((fault) => `Without any mutation: ${fault}`) };
  const outcomes = new Map<Mutation, Outcome>();
  const problems: string[] = [];
  const waiting = [...mutations];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        const outcome = await tryMutation(next);
        outcomes.set(next, outcome);
        say(
          `${outcome.type}  ${next.id}  ${outcome.type === "killed" ? outcome.test : outcome.why}`,
        );
        if (outcome.type === "survived") problems.push(`${next.id} survived: ${outcome.why}`);
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const killed = mutations.flatMap((mutation) => {
    const outcome = outcomes.get(mutation);
    return outcome?.type === "killed" ? [outcome] : [];
  });
  return { killed, problems };
}
