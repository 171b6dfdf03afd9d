import { expect, test } from "vitest";
import { nodeArgs, startInWaves, STARTS_AT_ONCE_MAX } from "./local-mesh.ts";
import { planNodes, planRobots } from "./plan.ts";
import { type PlayedStep, playStory, stepLine } from "./story.ts";
import { childEnvironment } from "./child.ts";
import { changeLines, type DevSnapshot } from "./dev-view.ts";
import { until } from "./until.ts";

test("CLI16 playStory times each step and ends at the first that fails, with its reason", async () => {
  let nowMs = 0;
  const seen: PlayedStep[] = [];
  const played = await playStory(
    [
      { name: "a", play: async () => ((nowMs += 12), { note: "fine" }) },
      {
        name: "b",
        play: async () => {
          nowMs += 5;
          throw new Error("no quorum");
        },
      },
      { name: "c", play: async () => ({}) },
    ],
    {
      now: () => nowMs,
      signal: new AbortController().signal,
      onStep: (step) => void seen.push(step),
    },
  );
  expect(played).toEqual(seen);
  expect(played).toMatchObject([
    { step: 1, of: 3, name: "a", ok: true, ms: 12, note: "fine" },
    { step: 2, of: 3, name: "b", ok: false, ms: 5, error: "no quorum" },
  ]);
  expect(played.map(stepLine)).toEqual([
    expect.stringMatching(/^✔ {2}1\/3 {2}a +12 ms {3}fine$/),
    expect.stringMatching(/^✘ {2}2\/3 {2}b +5 ms {3}no quorum$/),
  ]);
});

test("CLI16 a step that fails is named by its number in the whole story, also in what is returned", async () => {
  const seen: PlayedStep[] = [];
  const played = await playStory(
    [{ name: "second", play: async () => Promise.reject(new Error("no")) }],
    {
      now: () => 0,
      signal: new AbortController().signal,
      onStep: (step) => void seen.push(step),
      playedBefore: 1,
    },
  );
  expect(played).toEqual(seen);
  expect(played).toMatchObject([{ step: 2, of: 2, ok: false }]);
});

test("CLI16 until says what was missing last, and why it stopped", async () => {
  const signal = new AbortController().signal;
  let looks = 0;
  await until(async () => ++looks === 2 || "not yet", { timeoutMs: 1_000, signal, pollMs: 0 });
  expect(looks).toBe(2);
  await expect(until(async () => "2 of 3 up", { timeoutMs: 0, signal })).rejects.toThrow(
    "2 of 3 up",
  );
  await expect(
    until(async () => Promise.reject(new Error("refused")), { timeoutMs: 0, signal }),
  ).rejects.toThrow("refused");
  await expect(
    until(async () => "late", { timeoutMs: 9_000, signal: AbortSignal.abort() }),
  ).rejects.toThrow("interrupted while late");
});

test("CLI15 nodes take turns in two regions, the robots are spread over the first three", async () => {
  const folders = { source: "s", release: "r", primary: "p", replica: "c" };
  // Port 65535 and above hold nothing, so no socket has to be free for this.
  const plans = await planNodes(4, 65_536, "/t", planRobots(folders));
  expect(
    plans.map(({ name, region, robots }) => [name, region, robots.map(({ robot }) => robot)]),
  ).toEqual([
    ["eu-1", "eu", ["secret-scanner"]],
    ["us-1", "us", ["permission-check"]],
    ["eu-2", "eu", ["replica-freshness"]],
    ["us-2", "us", []],
  ]);
});

test("CLI15 ME7 STARTS_AT_ONCE_MAX nodes of dev start together, and one more waits for them", async () => {
  const told: string[] = [];
  const names = Array.from({ length: STARTS_AT_ONCE_MAX + 1 }, (_, i) => `n${i}`);
  const started = await startInWaves(
    names,
    async (name) => {
      told.push(name);
      return name;
    },
    async (wave) => void told.push(`${wave.join("+")} are up`),
  );
  expect(started).toEqual(names);
  expect(told).toEqual(["n0", "n1", "n2", "n3", "n0+n1+n2+n3 are up", "n4"]);
});

test("CLI15 nodes of dev listen on loopback only and never inherit a node's own settings", () => {
  const plan = {
    name: "eu-1",
    region: "eu",
    httpPort: 1,
    meshPort: 2,
    dataDir: "/t/eu-1",
    robots: [{ robot: "a", args: [] }],
  };
  const args = nodeArgs(plan, "/t/invites/eu-1");
  expect(args.join(" ")).toContain(
    "run --name eu-1 --region eu --data /t/eu-1 --http 127.0.0.1:1 --listen /ip4/127.0.0.1/tcp/2 --join-file /t/invites/eu-1",
  );
  expect(args.filter((arg) => arg.includes("0.0.0.0"))).toEqual([]);
  expect(childEnvironment({ PATH: "/bin", PULSEMESH_JOIN: "x", PULSEMESH_MDNS: "1" })).toEqual({
    PATH: "/bin",
    PULSEMESH_DIE_WITH_PARENT: "1",
  });
});

test("CLI15 without a terminal each change is one line", () => {
  const snapshot = (status: string): DevSnapshot =>
    ({
      from: "eu-1",
      peers: { self: { name: "eu-1" }, peers: [{ name: "us-1", status, reason: null }] },
      robots: [{ robot_id: "bot", status: "up", health: "ok", reason: null }],
    }) as unknown as DevSnapshot;
  expect(changeLines(undefined, snapshot("up"))).toHaveLength(3);
  expect(changeLines(snapshot("up"), snapshot("up"))).toEqual([]);
  expect(changeLines(snapshot("up"), snapshot("down"))).toEqual(["node us-1: ✖ down"]);
  expect(changeLines(snapshot("up"), undefined)).toEqual(["no node answers"]);
});
