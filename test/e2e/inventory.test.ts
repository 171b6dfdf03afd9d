import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli, type CliEnd } from "../support/cli-process.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const NAMES = ["eu-1", "eu-2", "us-1"];
let fleet: ProcessFleet;

function urlOf(name: string): string {
  return `http://127.0.0.1:${fleet.node(name).options.httpPort}`;
}

/** `pulsemesh ARGS` that asks this node. */
async function cli(name: string, ...args: readonly string[]): Promise<CliEnd> {
  return await runCli([...args, "--url", urlOf(name)]);
}

interface View {
  readonly status: string;
  readonly reason: string | null;
}

async function viewOf(name: string, robot: string): Promise<View | undefined> {
  const { status, text } = await fleet.node(name).get(`/api/v1/robots/${robot}`);
  return status === 200 ? (JSON.parse(text) as View) : undefined;
}

/** `status reason` of a robot at each of these nodes. */
async function says(robot: string, names: readonly string[] = NAMES): Promise<readonly string[]> {
  const views = await Promise.all(names.map((name) => viewOf(name, robot)));
  return views.map((view) => (view === undefined ? "none" : `${view.status} ${view.reason}`));
}

async function allSay(robot: string, what: string, names: readonly string[] = NAMES) {
  await waitFor(`${names.join(", ")} to say ${what} of ${robot}`, 15_000, async () =>
    (await says(robot, names)).every((said) => said === what),
  );
}

/** How many members count at a node, and who they are but for itself. */
async function rosterOf(node: NodeProcess): Promise<string> {
  const { peers, view } = (await node.json("/api/v1/peers")) as unknown as {
    readonly peers: readonly { readonly name: string }[];
    readonly view: { readonly roster: number };
  };
  const names = peers.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1));
  return `${view.roster} ${names.join(",")}`;
}

/** Does something while the scanner beats at this node. */
async function whileBeating<T>(home: NodeProcess, act: () => Promise<T>): Promise<T> {
  let isOver = false;
  const beats = async (): Promise<void> => {
    while (!isOver) {
      expect((await home.beat("scanner")).status).toBe(200);
      await wait(200);
    }
  };
  const [result] = await Promise.all([act().finally(() => (isOver = true)), beats()]);
  return result;
}

beforeAll(async () => {
  fleet = new ProcessFleet();
  const args = ["--profile", "local"];
  await fleet.add(
    { name: "eu-1", region: "eu" },
    { args: [...args, "--robot", "scanner", "--every", "1m", "--label", "role=scan"] },
  );
  await fleet.add({ name: "eu-2", region: "eu" }, { args });
  await fleet.add({ name: "us-1", region: "us" }, { args });
  await fleet.allSee(NAMES, "up", 15_000);
});

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

describe("robots as inventory", () => {
  test("CLI23 CLI24 VE7 a robot is added, listed and edited at any node; its home judges by the edit, and a restart undoes none", async () => {
    const home = fleet.node("eu-1");
    expect((await home.beat("scanner")).status).toBe(200);
    await home.patch("scanner", { found: 3 });
    const added = await cli(
      "eu-2",
      "robot",
      "add",
      "nightly",
      "--cron",
      "0 3 * * *",
      "--tz",
      "UTC",
    );
    expect([added.code, added.err]).toEqual([
      0,
      "Added nightly: cron 0 3 * * * UTC, grace 0, startup 1m.\n",
    ]);
    const twice = await cli("eu-2", "robot", "add", "nightly");
    expect([twice.code, twice.err.includes("pulsemesh robot edit nightly")]).toEqual([1, true]);
    await allSay("scanner", "up null");
    await allSay("nightly", "new null");
    const { out } = await cli("us-1", "robot", "list");
    expect(out).toMatch(/scanner +● up +every 1m +0 +3 +1m +eu-1 +role=scan/);
    expect(out).toMatch(/nightly .* cron 0 3 \* \* \* UTC/);

    const edit = [
      "robot",
      "edit",
      "scanner",
      "--every",
      "1s",
      "--missed",
      "1",
      "--label",
      "team=a",
    ];
    expect((await cli("us-1", ...edit)).code).toBe(0);
    await allSay("scanner", "down missed");
    for (const name of NAMES) {
      expect(await viewOf(name, "scanner")).toMatchObject({
        schedule: { type: "every", every_ms: 1_000, missed: 1 },
        labels: { role: "scan", team: "a" },
        node: "eu-1",
        state: { found: 3 },
      });
    }
    await home.end("SIGTERM");
    await home.start();
    // Before it sees the others again it cannot know that the robot has not moved.
    await allSay("scanner", "down missed", ["eu-1"]);
    expect(await viewOf("eu-1", "scanner")).toMatchObject({
      schedule: { every_ms: 1_000 },
      labels: { team: "a" },
    });
  });

  test("HT26 CLI24 CLI26 CH4 a retired robot is gone everywhere, also after restarts, and new when it beats again", async () => {
    const home = fleet.node("eu-1");
    const early = await whileBeating(home, async () => {
      await waitFor(
        "eu-2 to hear that the robot lives",
        10_000,
        async () => (await says("scanner", ["eu-2"]))[0] === "up null",
      );
      return await cli("eu-2", "robot", "retire", "scanner");
    });
    expect([early.code, early.err]).toEqual([
      1,
      expect.stringContaining("on the machine of eu-1 in eu: pulsemesh robot retire scanner"),
    ]);
    await allSay("scanner", "down missed");
    expect(await cli("eu-2", "robot", "retire", "scanner")).toMatchObject({
      code: 0,
      err: "Retired scanner.\n",
    });
    await allSay("scanner", "none");
    const again = await cli("us-1", "robot", "retire", "scanner");
    expect([again.code, again.err.startsWith("scanner was retired already, at eu-")]).toEqual([
      0,
      true,
    ]);
    for (const name of NAMES) {
      const { robots } = (await fleet.node(name).json("/api/v1/robots")) as unknown as {
        readonly robots: readonly { readonly robot_id: string }[];
      };
      expect(robots.map(({ robot_id: id }) => id)).toEqual(["nightly"]);
      const { text } = await fleet.node(name).get("/metrics");
      expect(text).toContain('pulsemesh_robots{status="new"} 1\n');
      expect(text).toContain('pulsemesh_robots{status="down"} 0\n');
    }
    await Promise.all([home.end("SIGTERM"), fleet.node("us-1").end("SIGKILL")]);
    await Promise.all([home.start(), fleet.node("us-1").start()]);
    expect(await says("scanner")).toEqual(["none", "none", "none"]);

    expect((await fleet.node("us-1").beat("scanner")).status).toBe(200);
    await allSay("scanner", "up null");
    for (const name of NAMES) {
      expect(await viewOf(name, "scanner")).toMatchObject({
        schedule: { type: "every", every_ms: 60_000, missed: 1 },
        labels: {},
        state: {},
        node: "us-1",
      });
    }
    await waitFor(
      "equal documents",
      10_000,
      async () => new Set(await fleet.hashes(NAMES)).size === 1,
    );
  });

  test("VE6 a robot that beats at two nodes is an alarm, in events, status and metric, unless it is floating", async () => {
    const [one, two] = [fleet.node("eu-1"), fleet.node("eu-2")];
    await fleet.allSee(NAMES, "up", 10_000);
    const rover = { schedule: { every_ms: 60_000 }, floating: true };
    expect((await two.ask("PUT", "/api/v1/robots/rover", rover)).status).toBe(201);
    const crab = { schedule: { every_ms: 60_000, grace_ms: 500 } };
    expect((await one.ask("PUT", "/api/v1/robots/crab", crab)).status).toBe(201);
    const events = await fetch(`${urlOf("us-1")}/api/v1/events?type=two-homes`);
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    // A run that is never ended makes its home call the crab dead, while it beats at both.
    expect((await one.get("/ping/crab/start")).status).toBe(200);
    await waitFor("the crab to be shown by its other home's word", 15_000, async () => {
      for (const robot of ["rover", "crab"]) for (const node of [two, one]) await node.beat(robot);
      return (await says("crab", ["us-1"]))[0] === "up two-homes";
    });
    let text = "";
    while (!text.includes("two-homes")) {
      const part = await reader?.read();
      if (part === undefined || part.done) throw new Error(`the stream ended: ${text}`);
      text += part.value;
    }
    await reader?.cancel();
    expect(text).toContain('"subject":"crab"');
    expect(text).not.toContain("rover");
    const { text: metrics } = await fleet.node("us-1").get("/metrics");
    expect(
      Number(/pulsemesh_events_total{type="two-homes"} (\d+)/.exec(metrics)?.[1]),
    ).toBeGreaterThan(0);
    expect(await says("rover")).toEqual(["up null", "up null", "up null"]);
  });

  test("HT27 HT28 CLI25 VE1 VE9 a node that is gone is retired at another one, counts for nobody, also after a restart, and is back when it starts, until it leaves", async () => {
    const [one, two, three] = NAMES.map((name) => fleet.node(name));
    const early = await cli("eu-1", "node", "retire", "us-1");
    expect([early.code, early.err.includes("is up")]).toEqual([1, true]);
    await three?.end("SIGKILL");
    await waitFor(
      "us-1 to be down",
      15_000,
      async () => (await two?.peerStatus("us-1")) === "down",
    );
    const retired = await cli("eu-2", "node", "retire", "us-1");
    expect([retired.code, retired.err]).toEqual([0, expect.stringContaining("scanner")]);
    for (const node of [one, two] as NodeProcess[]) {
      const other = node === one ? "eu-2" : "eu-1";
      await waitFor(
        `${node.options.name} to count two`,
        15_000,
        async () => (await rosterOf(node)) === `2 ${other}`,
      );
    }
    await allSay("scanner", "left home-left", ["eu-1", "eu-2"]);
    await two?.end("SIGKILL");
    await two?.start();
    expect(await rosterOf(two as NodeProcess)).toBe("2 eu-1");
    await three?.start();
    await fleet.allSee(NAMES, "up", 15_000);
    expect(await rosterOf(one as NodeProcess)).toBe("3 eu-2,us-1");

    expect((await cli("us-1", "leave")).code).toBe(0);
    expect(await three?.ended()).toBe(0);
    for (const node of [one, two] as NodeProcess[]) {
      await waitFor("us-1 to have left", 10_000, async () =>
        (await rosterOf(node)).startsWith("2 "),
      );
    }
  });
});
