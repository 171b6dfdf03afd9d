/** Death of an agent of Serf → what the others say, measured as the deaths of our nodes are, in the same run. */
import { figuresOf, progress, type Figures } from "./figures.ts";
import { SerfFleet } from "./serf-fleet.ts";

/** Longer than Serf takes on a busy machine. */
const SAID_WITHIN_MS = 30_000;
const FORMED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 20;
const PAUSE_MS = 2_000;

export type SerfWay = "kill" | "stop";

export interface SerfResult {
  /** Milliseconds until 99% of the live agents said that the victim failed, one sample a round. */
  readonly fleet: Figures;
  readonly nodes: Figures;
  /** Said of others, or not said of the victim. */
  readonly wrong: number;
  readonly missed: number;
}

/** @throws {Error} where Serf cannot be fetched or its agents do not find each other */
export async function measureSerf(
  way: SerfWay,
  { size, rounds }: { readonly size: number; readonly rounds: number },
): Promise<SerfResult> {
  await using fleet = await SerfFleet.start(size);
  const { agents } = fleet;
  const names = agents.map(({ name }) => name);
  const allSeeAll = (): boolean => agents.every((agent) => agent.sees(names));
  await until("the agents of Serf see each other", FORMED_WITHIN_MS, allSeeAll);
  const [perFleet, perNode]: [number[], number[]] = [[], []];
  let [wrong, missed] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const victim = agents[(round * 7 + 3) % size];
    const seed = agents.find((agent) => agent !== victim);
    if (victim === undefined || seed === undefined) throw new Error("Two agents are needed.");
    const others = agents.filter((agent) => agent !== victim);
    await sleep(Math.random() * 1_000);
    const diedMs = performance.now();
    if (way === "kill") await victim.end("SIGKILL");
    else victim.signal("SIGSTOP");
    const saidAt = (): readonly (number | undefined)[] =>
      others.map((agent) => agent.failedAtMs(victim.name, diedMs));
    await until("the death is noticed", SAID_WITHIN_MS, () => !saidAt().includes(undefined)).catch(
      () => undefined,
    );
    const samples = saidAt().flatMap((atMs) => (atMs === undefined ? [] : [atMs - diedMs]));
    missed += others.length - samples.length;
    perNode.push(...samples);
    perFleet.push(figuresOf(samples).p99);
    progress(`Serf, ${way} round ${round + 1}/${rounds}: ${JSON.stringify(figuresOf(samples))}`);
    if (way === "kill") victim.start(seed.port);
    else victim.signal("SIGCONT");
    await until("the agents of Serf see each other again", FORMED_WITHIN_MS, allSeeAll);
    await sleep(PAUSE_MS);
    wrong += others
      .flatMap((agent) => agent.failed(diedMs))
      .filter((name) => name !== victim.name).length;
  }
  return { fleet: figuresOf(perFleet), nodes: figuresOf(perNode), wrong, missed };
}

async function until(what: string, withinMs: number, is: () => boolean): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!is()) {
    if (performance.now() > endMs) throw new Error(`Not within ${withinMs} ms: ${what}.`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function sleep(forMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, forMs));
}
