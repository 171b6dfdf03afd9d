import { join } from "node:path";
import { dagCborCodec } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { HeldLink } from "../support/held-link.ts";
import { freePort } from "../support/free-port.ts";
import { logged, stoodStillMs } from "../support/node-log.ts";
import { NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const OTHERS = ["one", "two", "three"];

/** Nobody listens there, so nobody can be dialled by it. */
const NOWHERE = "/ip4/127.0.0.1/tcp/1";

/**
 * A fleet whose founder `far` is reached by everybody through one link that can be held. The others announce nothing that could be
 * dialled, so that no second way to `far` comes up; they are told each other's real addresses.
 */
async function startFarFleet(
  fleet: ProcessFleet,
): Promise<{ readonly far: NodeProcess; readonly link: HeldLink }> {
  const meshPort = await freePort();
  const link = new HeldLink(meshPort);
  const linkPort = await link.listen();
  const far = new NodeProcess({
    name: "far",
    region: "us",
    dataDir: join(fleet.dir, "far"),
    meshPort,
    httpPort: await freePort(),
    args: ["--open", "--announce", `/ip4/127.0.0.1/tcp/${linkPort}`],
  });
  fleet.nodes.push(far);
  await far.start();
  const farAddress = await far.joinAddress();
  const others: string[] = [];
  for (const name of OTHERS) {
    const meshPort = await freePort();
    const node = await fleet.add(
      { name, region: "eu" },
      { meshPort, join: [farAddress, ...others], args: ["--announce", NOWHERE] },
    );
    const { self } = (await node.json("/api/v1/peers")) as unknown as {
      readonly self: { readonly id: string };
    };
    others.push(`/ip4/127.0.0.1/tcp/${meshPort}/p2p/${self.id}`);
  }
  await fleet.allSee(["far", ...OTHERS], "up", 15_000);
  return { far, link };
}

async function idOf(node: NodeProcess): Promise<string> {
  const { self } = (await node.json("/api/v1/peers")) as unknown as {
    readonly self: { readonly id: string };
  };
  return self.id;
}

/** From the newest pulse of a dead node, by its own clock, until each of the others called it dead, by its record. */
async function silencesMs(fleet: ProcessFleet, dead: string): Promise<readonly number[]> {
  return Promise.all(
    OTHERS.map(async (name) => {
      const bundle = (await fleet.node(name).json(`/api/v1/nodes/${dead}/evidence`)) as unknown as {
        readonly at: number;
        readonly header: string;
      };
      const { b } = dagCborCodec.decode(Buffer.from(bundle.header, "base64url")) as {
        readonly b: Uint8Array;
      };
      return bundle.at - (dagCborCodec.decode(b) as { readonly w: number }).w;
    }),
  );
}

/** What each of the others says of one node, and why. */
async function reasonsOf(fleet: ProcessFleet, of: string): Promise<readonly string[]> {
  return Promise.all(
    OTHERS.map(async (at) => {
      const { peers } = (await fleet.node(at).json("/api/v1/peers")) as unknown as {
        readonly peers: readonly { name: string; status: string; reason: string | null }[];
      };
      const { status, reason } = peers.find(({ name }) => name === of) ?? {};
      return `${status}/${reason}`;
    }),
  );
}

async function statusesOf(fleet: ProcessFleet, name: string): Promise<readonly string[]> {
  return Promise.all(OTHERS.map((at) => fleet.node(at).peerStatus(name)));
}

describe("a link that holds bytes back", () => {
  test("P3, PU4 pulses of a dead node that arrive late never show it or its robots alive", async () => {
    await using fleet = new ProcessFleet();
    const { far, link } = await startFarFleet(fleet);
    await using _held = link;
    await far.beat("rover");
    await waitFor(
      "the robot to be known",
      3_000,
      async () => (await fleet.node("one").get("/status/rover")).status === 200,
    );
    link.hold();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await far.beat("rover");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await far.end("SIGKILL");
    await waitFor("the others to say down", 8_000, async () =>
      (await statusesOf(fleet, "far")).every((status) => status === "down"),
    );
    // Its last pulses were sent just before its death: only when they too are older than any deadline must they show nothing.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    link.release();
    const untilMs = performance.now() + 4_000;
    while (performance.now() < untilMs) {
      for (const status of await statusesOf(fleet, "far"))
        expect(["down", "unknown"]).toContain(status);
      for (const at of OTHERS)
        expect((await fleet.node(at).get("/status/rover")).status).not.toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await waitFor("the verdict to stand again", 8_000, async () =>
      (await statusesOf(fleet, "far")).every((status) => status === "down"),
    );
  });

  test("VE3, P1 a node behind a link that stalled for eight seconds is up everywhere soon after, with one view", async () => {
    await using fleet = new ProcessFleet();
    const { far, link } = await startFarFleet(fleet);
    await using _held = link;
    link.hold();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await far.beat("late-writer");
    for (const status of await statusesOf(fleet, "far"))
      expect(["down", "unknown"]).toContain(status);
    link.release();
    await fleet.allSee(["far", ...OTHERS], "up", 6_000);
    await waitFor(
      "equal hashes",
      10_000,
      async () => new Set(await fleet.hashes(["far", ...OTHERS])).size === 1,
    );
  });

  test("VE0, P2 all connections of a healthy node closed for two seconds change no verdict", async () => {
    await using fleet = new ProcessFleet();
    const { far, link } = await startFarFleet(fleet);
    await using _held = link;
    link.sever(2_000);
    const untilMs = performance.now() + 8_000;
    while (performance.now() < untilMs) {
      for (const status of await statusesOf(fleet, "far")) expect(["up", "late"]).toContain(status);
      const statuses = await far.peerStatuses();
      for (const name of OTHERS) expect(statuses.get(name)).not.toBe("down");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await fleet.allSee(["far", ...OTHERS], "up", 5_000);
  });

  test("PU4, P3 a node of which everything comes two seconds late is called dead by nobody, and its death is known as soon as that of any other", async () => {
    await using fleet = new ProcessFleet();
    const { far, link } = await startFarFleet(fleet);
    await using _late = link;
    const dead = await idOf(far);
    const others = OTHERS.map((name) => fleet.node(name));
    const startMs = Date.now();
    link.delay(2_000, 8_000);
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    for (const node of others)
      expect(logged(node, "verdict", { kind: "down" }, startMs)).toEqual([]);
    await fleet.allSee(OTHERS, "up", 5_000);
    // Its newest pulse is three of 3.2 intervals old before the next one comes.
    await waitFor("it to be up for all", 5_000, async () =>
      (await statusesOf(fleet, "far")).every((status) => status === "up"),
    );

    const killedMs = Date.now();
    await far.end("SIGKILL");
    await waitFor("the others to say down", 12_000, async () =>
      (await statusesOf(fleet, "far")).every((status) => status === "down"),
    );
    // By its own date its newest pulse is 3.7 intervals and a settle time old by then: 4.0 s. By its arrival it would be two seconds older.
    const allowedMs = 5_000 + stoodStillMs(others, killedMs);
    for (const silenceMs of await silencesMs(fleet, dead)) {
      expect(silenceMs).toBeGreaterThan(3_200);
      expect(silenceMs).toBeLessThan(allowedMs);
    }
  }, 90_000);

  test("PU7, P3 a node of which everything comes later and later, up to five seconds, is delayed for all and nobody else is in doubt; what comes after its death shows no life", async () => {
    await using fleet = new ProcessFleet();
    const { far, link } = await startFarFleet(fleet);
    await using _late = link;
    const dead = await idOf(far);
    const startMs = Date.now();
    link.delay(5_000, 20_000);
    await new Promise((resolve) => setTimeout(resolve, 26_000));
    expect(await reasonsOf(fleet, "far")).toEqual(OTHERS.map(() => "unknown/delayed"));

    const killedMs = Date.now();
    await far.end("SIGKILL");
    await waitFor("the others to say down", 20_000, async () =>
      (await statusesOf(fleet, "far")).every((status) => status === "down"),
    );
    for (const name of OTHERS) {
      const node = fleet.node(name);
      expect(logged(node, "node-status", { node: dead, to: "up" }, killedMs)).toEqual([]);
      const others = logged(node, "node-status", {}, startMs)
        .map(({ fields }) => fields)
        .filter(({ node: id, to, reason }) => id !== dead && to !== "up" && reason !== "stalled");
      expect([name, others]).toEqual([name, []]);
    }
  }, 90_000);
});
