import type { NodeWitnessesJson, RobotWitnessesJson } from "@pulsemesh/client";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fakeFetch, run } from "../command-line.test-support.ts";

const NOW_MS = Date.UTC(2027, 0, 15, 8, 2, 5);
const DOWN_AT = "2027-01-15T08:00:00.300Z";
const AT = "2027-01-15T08:00:00.000Z";
const BETA = `12D3KooW${"B".repeat(44)}`;
const BUNDLE = '{"format":"pulsemesh-verdict/1","sig":"x"}\n';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-explain-"));
  vi.spyOn(Date, "now").mockReturnValue(NOW_MS);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

const pulse = { boot: 3, seq: 9 };
const accuser = { region: "eu", opinion: "accuses", pulse, age_ms: 812, since: AT } as const;

const beta: NodeWitnessesJson = {
  node_id: BETA,
  name: "beta",
  region: "us",
  status: "down",
  reason: "quorum",
  since: DOWN_AT,
  rule: "VE3",
  needed: "a newer pulse of it, heard here, or 3 witnesses that say up by newer pulses (0 do)",
  members: 4,
  in_sight: { have: 3, need: 3 },
  accusers: { have: 3, need: 3 },
  ups: { have: 0, need: 3 },
  pulse,
  deadline: AT,
  pulse_every_ms: 1_000,
  settle_ms: 300,
  unreachable: null,
  witnesses: [
    { ...accuser, node_id: "a", name: "alpha", self: true },
    { ...accuser, node_id: "g", name: "gam\u001Bma", self: false },
    {
      ...accuser,
      node_id: "d",
      name: "delta",
      self: false,
      opinion: "silent",
      pulse: null,
      age_ms: null,
      since: null,
    },
  ],
  verdicts: [
    {
      at: DOWN_AT,
      pulse,
      accusers: ["a", "g", "gone"],
      single_witness: false,
      evidence: { accusations: 3, objections: 0, ups: 0 },
      ended: null,
    },
  ],
};

const bot: RobotWitnessesJson = {
  robot_id: "bot",
  status: "down",
  reason: "home-down",
  since: DOWN_AT,
  rule: "VE6",
  word: {
    last_check: "2027-01-15T07:59:58.000Z",
    age_ms: 127_000,
    beats: 41,
    running: true,
    schedule: { type: "every", every_ms: 60_000, grace_ms: 20_000, missed: 1, startup_ms: 60_000 },
    late_at: "2027-01-15T08:00:58.000Z",
    down_at: "2027-01-15T08:01:18.000Z",
  },
  home: beta,
};

function fakeMesh(
  robot: RobotWitnessesJson | undefined = bot,
  node: NodeWitnessesJson = beta,
): void {
  const problem = (status: number, code: string): Response =>
    Response.json(
      { status, code, detail: `No ${code}.`, next: "" },
      { status, headers: { "content-type": "application/problem+json" } },
    );
  const { fetch } = fakeFetch(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/api/v1/robots/bot/witnesses" && robot !== undefined)
      return Response.json(robot);
    if (pathname.startsWith("/api/v1/robots/")) return problem(404, "robot-unknown");
    if (pathname === `/api/v1/nodes/${BETA}/witnesses`) return Response.json(node);
    if (pathname === `/api/v1/nodes/${BETA}/evidence`)
      return node.verdicts.length === 0 ? problem(404, "verdict-none") : new Response(BUNDLE);
    if (pathname === "/api/v1/peers") return Response.json(peers);
    return problem(404, "not-found");
  });
  vi.stubGlobal("fetch", fetch);
}

const peers = {
  fleet: "f",
  self: { id: "a", name: "alpha", region: "eu", addresses: [], boot: 1 },
  peers: [
    {
      id: BETA,
      name: "beta",
      region: "us",
      status: "down",
      since: AT,
      reason: "quorum",
      addresses: [],
      last_pulse_age_ms: null,
      rtt_ms: null,
      pulse_every_ms: null,
      clock_offset_ms: null,
      agent: "t",
    },
  ],
  view: { roster: 4, in_sight: 3, unreachable: [], document_hash: "0" },
};

describe("explain", () => {
  test("CLI48 says of a node who accused it by which pulse, since when, by which rule, and what would change that", async () => {
    fakeMesh();
    const { code, out, err } = await run("explain beta");
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n")).toEqual([
      "beta  ✖ down, quorum since 2027-01-15T08:00:00.300Z (2m 04s ago)",
      "  because    alpha, gam\\u001bma, gone said so, nothing newer than pulse 3/9 is known, and nobody objected within 300 ms (rule VE3)",
      "  last pulse 3/9 (boot/number), one every 1s; silent from 2027-01-15T08:00:00.000Z on, unless it is heard",
      "  needed     a newer pulse of it, heard here, or 3 witnesses that say up by newer pulses (0 do)",
      "  verdict    2027-01-15T08:00:00.300Z by alpha, gam\\u001bma, gone, pulse 3/9; stands; 3 accusations, 0 objections and 0 words that it is up are kept",
      `  node       ${BETA}, region us`,
      "",
      "  WITNESS          REGION  OPINION  PULSE   AGE  SINCE",
      "  alpha (answers)  eu      accuses  3/9    0.8s  2027-01-15T08:00:00.000Z (2m 05s ago)",
      "  gam\\u001bma      eu      accuses  3/9    0.8s  2027-01-15T08:00:00.000Z (2m 05s ago)",
      "  delta            eu      silent   -         -  -",
    ]);
  });

  test("CLI48 says of a robot what its home goes by, and who sees that home", async () => {
    fakeMesh();
    const { code, out } = await run("explain bot");
    expect(code).toBe(0);
    expect(out.split("\n").slice(0, 7)).toEqual([
      "bot  ✖ down, home-down since 2027-01-15T08:00:00.300Z (2m 04s ago)",
      "  because    its home beta is down, and nobody else hears it (rule VE6)",
      "  last beat  2027-01-15T07:59:58.000Z (2m 07s ago), 41 beats in all, a run is under way",
      "  expected   every 1m, grace 20s: late after 2027-01-15T08:00:58.000Z, down after 2027-01-15T08:01:18.000Z",
      "",
      "Its home:",
      "beta  ✖ down, quorum since 2027-01-15T08:00:00.300Z (2m 04s ago)",
    ]);
    fakeMesh({ ...bot, home: null, reason: "missed", rule: "VE7" });
    expect((await run("explain bot")).out).toContain("Its home is not known here.");
    expect(JSON.parse((await run("explain bot --json")).out)).toMatchObject({
      rule: "VE7",
      home: null,
    });
  });

  test.each([
    ["up", null, "heard by none by its own word"],
    ["late", "suspected", "3 of 3 that a verdict takes accuse it, and too few hear it"],
    ["unknown", "no-majority", "sees 3 of 4 members"],
    ["late", "lossy", "miss over 40%"],
    ["late", "flapping", "twice within 10 min"],
    ["unknown", "delayed", "later than they may"],
    ["unknown", "stalled", "was away itself"],
    ["paused", "restart", "announced a pause"],
    ["unknown", "of-a-later-release", "of-a-later-release"],
    ["down", "single-witness", "the only other member, said so"],
  ])("CLI48 a node that is %s for %s has its reason in words", async (status, reason, words) => {
    fakeMesh(undefined, { ...beta, status: status as "up", reason });
    expect((await run("explain beta --node")).out).toContain(words);
  });

  test("CLI48 writes the evidence of a node, or of a robot's home, to a new file or to stdout", async () => {
    fakeMesh();
    const file = join(dir, "out.json");
    const { code, out, err } = await run(["explain", "bot", "--bundle", file]);
    expect(code).toBe(0);
    expect(out).toContain("home-down");
    expect(err).toBe(
      `Wrote the evidence of the newest verdict about beta to ${file}. Next: pulsemesh verify-verdict ${file}`,
    );
    expect([readFileSync(file, "utf8"), statSync(file).size]).toEqual([BUNDLE, BUNDLE.length]);
    const again = await run(["explain", "beta", "--bundle", file]);
    expect([again.code, again.err]).toMatchObject([2, /there is a file already/]);
    const piped = await run("explain beta --bundle -");
    expect([piped.code, piped.out, piped.err]).toEqual([0, BUNDLE.trimEnd(), ""]);
  });

  test("CLI48 where no verdict is behind a status there is none to export", async () => {
    fakeMesh({ ...bot, reason: "missed", rule: "VE7" }, { ...beta, verdicts: [] });
    const robot = await run("explain bot --bundle -");
    expect([robot.code, robot.out]).toEqual([1, ""]);
    expect(robot.err).toContain("its status is the word of its home");
    const node = await run("explain beta --bundle -");
    expect([node.code, node.out]).toEqual([1, ""]);
    expect(node.err).toContain("verdict-none");
  });

  test("CLI48 a name that neither a robot nor a node has is answered with the nearest", async () => {
    fakeMesh();
    const { code, err } = await run("explain betta");
    expect(code).toBe(1);
    expect(err).toContain("Did you mean beta?");
    expect((await run("explain bot --node")).err).toContain("There is no node 'bot'");
  });
});
