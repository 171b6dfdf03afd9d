/**
 * The loop of P5 on a real process: write as fast as it goes, `kill -9` at a random moment, restart, and ask for everything that was
 * ever acknowledged. Seeded only in its own choices; the moment of the kill against the disk is up to the machine.
 */
import { expect } from "vitest";
import { ProcessFleet, type NodeProcess } from "./node-process.ts";

/** Writers at once. */
const WRITERS = 8;
const ROBOTS = 16;

/** What a node answered 200 to. */
export interface Acknowledged {
  /** Highest value acknowledged of each robot's counter. */
  readonly counters: Map<string, number>;
  /** When the newest acknowledged beat of each robot was sent, by the wall clock that the node reads too. */
  readonly beatsSentMs: Map<string, number>;
}

/** Writes to a node as fast as it goes, and kills it after `forMs`. */
export async function writeUntilKilled(
  node: NodeProcess,
  acknowledged: Acknowledged,
  forMs: number,
): Promise<void> {
  let isKilled = false;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let turn = 0; !isKilled; turn += 1) {
      const robot = `robot-${(writer + turn * WRITERS) % ROBOTS}`;
      const next = (acknowledged.counters.get(robot) ?? 0) + 1;
      try {
        const sentMs = Date.now();
        const beat = await node.beat(robot);
        // At once: a kill between the two answers must not hide a lost beat.
        if (beat.status === 200)
          acknowledged.beatsSentMs.set(
            robot,
            Math.max(sentMs, acknowledged.beatsSentMs.get(robot) ?? 0),
          );
        const patch = await node.patch(robot, { counter: next, writer });
        if (beat.status !== 200 || patch.status !== 200)
          throw new Error(`${beat.status} ${patch.status} ${patch.text}`);
        acknowledged.counters.set(robot, Math.max(next, acknowledged.counters.get(robot) ?? 0));
      } catch (error) {
        if (!isKilled && node.isRunning) throw error;
      }
    }
  });
  await new Promise((resolve) => setTimeout(resolve, forMs));
  isKilled = true;
  await node.end("SIGKILL");
  await Promise.allSettled(writers).then((results) => {
    for (const result of results) if (result.status === "rejected") throw result.reason;
  });
}

/** Asks for everything that was acknowledged: the counters, and a last check no earlier than the newest beat was sent. */
export async function expectAll(
  node: NodeProcess,
  { counters, beatsSentMs }: Acknowledged,
  round: number,
): Promise<void> {
  for (const [robot, sentMs] of beatsSentMs) {
    const { state, last_check } = (await node.json(`/api/v1/robots/${robot}`)) as unknown as {
      readonly state: { readonly counter?: number };
      readonly last_check: string | null;
    };
    expect(
      last_check === null ? 0 : Date.parse(last_check),
      `round ${round}: newest beat of ${robot}`,
    ).toBeGreaterThanOrEqual(sentMs);
    const counter = counters.get(robot);
    if (counter !== undefined)
      expect(state.counter, `round ${round}: counter of ${robot}`).toBeGreaterThanOrEqual(counter);
  }
}

/** Runs the loop; returns how many writes were acknowledged in all. */
export async function killRounds(rounds: number): Promise<number> {
  await using fleet = new ProcessFleet();
  const acknowledged: Acknowledged = { counters: new Map(), beatsSentMs: new Map() };
  const node = await fleet.add({ name: "one", region: "eu" });
  let lastBoot = 0;
  for (let round = 0; round < rounds; round += 1) {
    await writeUntilKilled(node, acknowledged, 30 + Math.floor(Math.random() * 150));
    await node.start();
    const { self } = (await node.json("/api/v1/peers")) as unknown as {
      readonly self: { readonly boot: number };
    };
    expect(self.boot, `round ${round}: boot`).toBeGreaterThan(lastBoot);
    lastBoot = self.boot;
    await expectAll(node, acknowledged, round);
    expect((await node.json("/api/v1/audit/verify"))["ok"], `round ${round}: audit`).toBe(true);
  }
  return [...acknowledged.counters.values()].reduce((sum, counter) => sum + counter, 0);
}
