import { describe, expect, test } from "vitest";
import { ProcessFleet, waitFor } from "../support/node-process.ts";

const MEMBERS = ["one", "two", "three", "four", "five"].map((name, index) => ({
  name,
  region: index % 2 === 0 ? "eu" : "us",
}));
const NAMES = MEMBERS.map(({ name }) => name);

async function statusAnswers(
  fleet: ProcessFleet,
  names: readonly string[],
  robot: string,
): Promise<readonly string[]> {
  return Promise.all(
    names.map(async (name) => {
      const { status, text } = await fleet.node(name).get(`/status/${robot}`);
      return `${status} ${text.trim()}`;
    }),
  );
}

describe("five processes joined by one multiaddr", () => {
  test("VE6, P2, P5 answer alike for a robot; its home's death is seen by all, and its return with state and audit log", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(MEMBERS);
    await fleet.allSee(NAMES, "up", 10_000);

    const home = fleet.node("five");
    expect((await home.beat("security_bot")).text.trim()).toBe("OK");
    expect((await home.patch("security_bot", { status: "scanning", found: 3 })).status).toBe(200);
    await waitFor("all to say that the robot is alive", 3_000, async () =>
      (await statusAnswers(fleet, NAMES, "security_bot")).every(
        (answer) => answer === "200 security_bot is alive",
      ),
    );

    const others = NAMES.slice(0, 4);
    await home.end("SIGKILL");
    const detectionMs = await waitFor("the other four to say down", 8_000, async () => {
      const answers = await statusAnswers(fleet, others, "security_bot");
      const nodes = await Promise.all(others.map((name) => fleet.node(name).peerStatus("five")));
      return (
        answers.every((answer) => answer === "500 security_bot is down") &&
        nodes.every((status) => status === "down")
      );
    });
    expect(detectionMs).toBeGreaterThan(1_500);

    await home.start();
    await waitFor("the robot to be alive everywhere again", 8_000, async () => {
      await home.beat("security_bot");
      const nodes = await Promise.all(others.map((name) => fleet.node(name).peerStatus("five")));
      const answers = await statusAnswers(fleet, NAMES, "security_bot");
      return (
        nodes.every((status) => status === "up") &&
        answers.every((answer) => answer === "200 security_bot is alive")
      );
    });
    for (const name of NAMES) {
      const { state } = await fleet.node(name).json("/api/v1/robots/security_bot");
      expect([name, state]).toEqual([name, { status: "scanning", found: 3 }]);
    }
    const audit = await home.json("/api/v1/audit/verify");
    expect(audit["ok"]).toBe(true);
    await waitFor(
      "equal document hashes",
      10_000,
      async () => new Set(await fleet.hashes(NAMES)).size === 1,
    );
  });

  test("VE9 SIGTERM is a planned stop: the others say paused, and up after the restart", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(MEMBERS.slice(0, 3));
    await fleet.allSee(NAMES.slice(0, 3), "up", 10_000);
    expect(await fleet.node("three").end("SIGTERM")).toBe(0);
    await waitFor("the others to say paused", 10_000, async () => {
      const statuses = await Promise.all(
        ["one", "two"].map((name) => fleet.node(name).peerStatus("three")),
      );
      return statuses.every((status) => status === "paused");
    });
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(await fleet.node("one").peerStatus("three")).toBe("paused");
    await fleet.node("three").start();
    await fleet.allSee(NAMES.slice(0, 3), "up", 5_000);
  });

  test("P8, P9 a node that lost all its peers stays live and ready, takes beats and state, and merges them later", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(MEMBERS.slice(0, 3));
    await fleet.allSee(NAMES.slice(0, 3), "up", 10_000);
    await Promise.all(["one", "two"].map((name) => fleet.node(name).end("SIGKILL")));
    const alone = fleet.node("three");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect((await alone.get("/livez")).status).toBe(200);
    expect((await alone.get("/readyz")).status).toBe(200);
    expect((await alone.beat("edge")).status).toBe(200);
    expect((await alone.patch("edge", { written: "alone" })).status).toBe(200);
    expect(await alone.peerStatus("one")).toBe("unknown");
    await Promise.all(["one", "two"].map((name) => fleet.node(name).start()));
    await fleet.allSee(NAMES.slice(0, 3), "up", 10_000);
    await waitFor(
      "equal hashes",
      10_000,
      async () => new Set(await fleet.hashes(NAMES.slice(0, 3))).size === 1,
    );
    expect((await fleet.node("one").json("/api/v1/robots/edge"))["state"]).toEqual({
      written: "alone",
    });
  });
});
