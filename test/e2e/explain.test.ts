/** What an operator does when a node is dead: asks why, takes the evidence along, and shows it to somebody who has no node. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type CliEnd, runCli } from "../support/cli-process.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const NAMES = ["one", "two", "three", "four"];

function cli(at: NodeProcess, ...args: readonly string[]): Promise<CliEnd> {
  return runCli([...args, "--url", `http://127.0.0.1:${at.options.httpPort}`]);
}

async function othersSay(fleet: ProcessFleet, status: string): Promise<void> {
  await waitFor(`the others to say ${status}`, 15_000, async () => {
    const said = await Promise.all(
      NAMES.slice(0, 3).map((name) => fleet.node(name).peerStatus("four")),
    );
    return said.every((each) => each === status);
  });
}

describe("explain and verify-verdict", () => {
  test("VE10, CLI48, CLI49 a dead node is explained, and its bundle is true where no node is, and false once edited", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(NAMES.map((name, i) => ({ name, region: i % 2 === 0 ? "eu" : "us" })));
    await fleet.allSee(NAMES, "up", 15_000);
    const [one, four] = [fleet.node("one"), fleet.node("four")];
    await four.beat("scanner");
    await waitFor("the robot to be known", 5_000, async () => {
      const { status } = await one.get("/status/scanner");
      return status === 200;
    });
    await four.end("SIGKILL");
    await othersSay(fleet, "down");

    const asked = await cli(one, "explain", "four");
    expect(asked.code).toBe(0);
    expect(asked.out).toMatch(/^four {2}✖ down, quorum since /);
    for (const name of NAMES.slice(0, 3)) expect(asked.out).toContain(name);
    expect(asked.out).toContain("(rule VE3)");

    const file = join(fleet.dir, "four.json");
    const robot = await cli(one, "explain", "scanner", "--bundle", file);
    expect([robot.code, robot.err]).toMatchObject([0, expect.stringContaining("verify-verdict")]);
    expect(robot.out).toContain("its home four is down");

    const { fleet: id } = JSON.parse((await cli(one, "peers", "--json")).out) as { fleet: string };
    const verified = await runCli(["verify-verdict", file, "--fleet", id]);
    expect([verified.code, verified.err]).toEqual([0, ""]);
    expect(verified.out).toMatch(/^true: the fleet held the node for down/);
    expect(verified.out).toContain("3 count of 3 that it takes among 4 members");

    const bundle = readFileSync(file, "utf8");
    const { statements, ...rest } = JSON.parse(bundle) as {
      readonly statements: readonly string[];
    };
    expect(statements.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify(rest).length).toBeLessThanOrEqual(2_048);

    const edited = join(fleet.dir, "edited.json");
    writeFileSync(edited, bundle.replace('"name":"four"', '"name":"five"'));
    const altered = await runCli(["verify-verdict", edited]);
    expect([altered.code, altered.out]).toMatchObject([
      1,
      expect.stringContaining("bundle-altered"),
    ]);
    writeFileSync(edited, bundle.slice(0, -20));
    const cut = await runCli(["verify-verdict", edited]);
    expect([cut.code, cut.err]).toMatchObject([2, expect.stringContaining("at character 0")]);

    await four.start();
    await othersSay(fleet, "up");
    const ended = join(fleet.dir, "ended.json");
    expect((await cli(one, "explain", "four", "--bundle", ended)).code).toBe(0);
    const after = await runCli(["verify-verdict", ended, "--fleet", id, "--json"]);
    expect([after.code, JSON.parse(after.out)]).toMatchObject([
      0,
      { result: "true", pinned: true, ended: { how: "restored" }, needed: 3, findings: [] },
    ]);
    const matrix = await one.json("/api/v1/matrix?by=region");
    expect(matrix["regions"]).toEqual(["eu", "us"]);
  }, 90_000);
});

describe("a region that is out of reach", () => {
  test("CLI50, VE4, HT10, HT39 is said by status, peers, explain and doctor of whoever is left, and by no verdict", async () => {
    await using fleet = new ProcessFleet();
    await fleet.start(NAMES.map((name, i) => ({ name, region: i < 2 ? "eu" : "us" })));
    await fleet.allSee(NAMES, "up", 15_000);
    const [one, three, four] = [fleet.node("one"), fleet.node("three"), fleet.node("four")];
    await four.beat("scanner");
    await waitFor("the robot to be known", 5_000, async () => {
      const { status } = await one.get("/status/scanner");
      return status === 200;
    });
    await Promise.all([three.end("SIGKILL"), four.end("SIGKILL")]);
    await waitFor("region us to be out of reach", 15_000, async () => {
      const { out } = await cli(one, "peers");
      return out.includes("region us is out of reach of region eu since ");
    });
    await waitFor("the robot to be unknown", 15_000, async () => {
      const { out } = await cli(one, "status");
      return out.includes("region us is out of reach of region eu since ");
    });
    const asked = await cli(one, "explain", "four");
    expect(asked.out).toMatch(/^four {2}\? unknown, region-unreachable since /);
    expect(asked.out).toMatch(/ {2}region +us is out of reach of region eu since .*, by /);
    expect((await cli(one, "doctor")).out).toMatch(/warn +region +us is out of reach/);
  });
});
