import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const MEMBERS = ["one", "two", "three", "four"].map((name, index) => ({
  name,
  region: index % 2 === 0 ? "eu" : "us",
}));
const NAMES = MEMBERS.map(({ name }) => name);
const STEP_CLOCK = fileURLToPath(new URL("../support/wall-clock-step.ts", import.meta.url));

/** Watches for `ms` that nobody among `at` says anything but `allowed` of anybody among `of`: all of them at once. */
async function watch(
  fleet: ProcessFleet,
  at: readonly string[],
  of: readonly string[],
  allowed: readonly string[],
  ms: number,
): Promise<void> {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    for (const name of at) {
      const statuses = await fleet.node(name).peerStatuses();
      for (const subject of of)
        expect(allowed, `${name} about ${subject}`).toContain(statuses.get(subject));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Verdicts `down` about nodes in a node's own audit log, the oldest first: one that was taken back within a moment is there too. */
async function downsAudited(node: NodeProcess): Promise<readonly object[]> {
  const { entries } = (await node.json("/api/v1/audit?limit=1000")) as unknown as {
    readonly entries: readonly { readonly kind: string; readonly data: { readonly to?: string } }[];
  };
  return entries.filter(({ kind, data }) => kind === "node-status" && data.to === "down");
}

describe("time gone wrong on real processes", () => {
  test("PU6, P3 a sender whose wall clock steps an hour ahead and back is never called down, nor are its robots", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(MEMBERS.slice(0, 3));
    const stepped = await fleet.add(
      { name: "four", region: "us" },
      { execArgv: ["--import", STEP_CLOCK] },
    );
    await fleet.allSee(NAMES, "up", 10_000);
    await stepped.beat("clockwork");
    for (let step = 0; step < 2; step += 1) {
      stepped.signal("SIGUSR2");
      await watch(fleet, NAMES.slice(0, 3), ["four"], ["up", "unknown"], 6_000);
      await waitFor("four to be up everywhere", 4_000, async () => {
        const statuses = await Promise.all(
          NAMES.slice(0, 3).map((name) => fleet.node(name).peerStatus("four")),
        );
        return statuses.every((status) => status === "up");
      });
      const { text } = await fleet.node("one").get("/status/clockwork");
      expect(text.trim()).toBe("clockwork is alive");
    }
    await fleet.allSee(NAMES, "up", 5_000);
  });

  test("PU6, P2 an observer of others that was suspended for eight seconds wakes without a wrong verdict", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(MEMBERS);
    await fleet.allSee(NAMES, "up", 10_000);
    fleet.node("four").signal("SIGSTOP");
    await waitFor("the others to say down", 8_000, async () => {
      const statuses = await Promise.all(
        NAMES.slice(0, 3).map((name) => fleet.node(name).peerStatus("four")),
      );
      return statuses.every((status) => status === "down");
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    fleet.node("four").signal("SIGCONT");
    await watch(fleet, ["four"], NAMES.slice(0, 3), ["up", "unknown"], 4_500);
    await fleet.allSee(NAMES, "up", 5_000);
    expect(await downsAudited(fleet.node("four"))).toEqual([]);
    // The same question has another answer where there was a verdict.
    expect(await downsAudited(fleet.node("one"))).toHaveLength(1);
  });
});
