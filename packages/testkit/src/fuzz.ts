/**
 * What fuzzers share: how many inputs, from which seed, and how to damage an honest input. `PULSEMESH_FUZZ_RUNS` makes a run longer,
 * `PULSEMESH_FUZZ_SEED` repeats one; a failure says both. The titles of all fuzzers hold `fuzz:`, by which they are chosen.
 */
import { SeededRandom } from "./seeded-random.ts";

/** Inputs of one fuzzer in `npm test`. */
export const FUZZ_RUNS: number = Number(process.env["PULSEMESH_FUZZ_RUNS"] ?? 20_000);
/** Seed of this run. */
export const FUZZ_SEED: number = Number(process.env["PULSEMESH_FUZZ_SEED"] ?? 20_260_801);
/**
 * Whether so many inputs are tried that one may ask what they reached. To repeat a failure takes only those up to it, and a count of them
 * says nothing.
 */
export const FUZZ_REACHES: boolean = FUZZ_RUNS >= 4_000;
/** For a fuzzer's test, on a machine that is busy. */
export const FUZZ_TIMEOUT_MS: number = 30_000 + 5 * FUZZ_RUNS;

/** Runs `once` for every input; whatever it throws is thrown again with what repeats it. */
export function fuzz(name: string, once: (random: SeededRandom, run: number) => void): void {
  const random = new SeededRandom(FUZZ_SEED).fork(name);
  for (let run = 0; run < FUZZ_RUNS; run++) {
    try {
      once(random, run);
    } catch (error) {
      const replay = `PULSEMESH_FUZZ_SEED=${FUZZ_SEED} PULSEMESH_FUZZ_RUNS=${run + 1} npx vitest run --project unit -t fuzz:`;
      if (error instanceof Error) error.message = `${error.message} (${name}, ${replay})`;
      throw error;
    }
  }
}

/** One of: a flipped bit, changed bytes, a cut, noise at the end, a piece taken out, a piece of another one put in. Never `bytes` itself. */
export function damage(
  random: SeededRandom,
  bytes: Uint8Array,
  others: readonly Uint8Array[] = [bytes],
): Uint8Array {
  const damaged = damageOnce(random, bytes, random.pick(others));
  const same = damaged.length === bytes.length && damaged.every((byte, at) => byte === bytes[at]);
  return same ? damage(random, bytes, others) : damaged;
}

function damageOnce(random: SeededRandom, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = random.integer(Math.max(1, bytes.length));
  const length = random.integer(16);
  switch (random.integer(6)) {
    case 0:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(8));
      return copy;
    case 1:
      for (let i = 0; i <= random.integer(4); i++)
        copy[random.integer(Math.max(1, copy.length))] = random.integer(256);
      return copy;
    case 2:
      return copy.subarray(0, at);
    case 3:
      return Uint8Array.from([...copy, ...random.bytes(1 + length)]);
    case 4:
      return Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(at + 1 + length)]);
    default: {
      const from = random.integer(Math.max(1, other.length));
      return Uint8Array.from([
        ...copy.subarray(0, at),
        ...other.subarray(from, from + 1 + length * 4),
        ...copy.subarray(at + length),
      ]);
    }
  }
}
