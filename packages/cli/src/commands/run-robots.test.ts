import { Command } from "commander";
import { LABELS_MAX } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { addFlags } from "../flags.ts";
import {
  type RobotFlagList,
  registerCommands,
  robotFlags,
  robotsFromEnvironment,
  unknownRobotConfig,
} from "./run-robots.ts";

function read(args: readonly string[], env: Readonly<Record<string, string>> = {}): RobotFlagList {
  const list: RobotFlagList = [{ robot: undefined, labels: {} }];
  const command = addFlags(new Command("run").exitOverride(), robotFlags(list));
  command.parse(args, { from: "user" });
  robotsFromEnvironment(list, env);
  return list;
}

const schedules = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(registerCommands(read(args, env)).map((each) => [each.robot, each.schedule]));

const every = (everyMs: number, graceMs: number, missed: number, startupMs = 60_000) => ({
  type: "every",
  everyMs,
  graceMs,
  missed,
  startupMs,
});

test("CLI9 schedule flags belong to the --robot before them, in front they hold for all", () => {
  const args =
    "--every 30s --robot a --robot b --every 10s --grace 20s --robot c --missed 5 --startup 2m";
  expect(schedules(args.split(" "))).toEqual({
    a: every(30_000, 0, 3),
    b: every(10_000, 20_000, 1),
    c: every(30_000, 0, 5, 120_000),
  });
});

test("VE7 missed is 1 where a grace is given, else 3; every is 60 s unless said", () => {
  expect(schedules(["--robot", "a"])).toEqual({ a: every(60_000, 0, 3) });
  expect(schedules(["--robot", "a", "--grace", "5s"])).toEqual({ a: every(60_000, 5_000, 1) });
  expect(schedules(["--robot", "a", "--grace", "5s", "--missed", "4"])).toEqual({
    a: every(60_000, 5_000, 4),
  });
});

test("VE7 robots that register themselves get the flags in front, or core's defaults", () => {
  expect(unknownRobotConfig(read([]))).toEqual({});
  expect(unknownRobotConfig(read(["--startup", "9s"]))).toEqual({ robotStartupMs: 9_000 });
  expect(
    unknownRobotConfig(read(["--every", "10s", "--grace", "1s", "--robot", "a", "--every", "1s"])),
  ).toEqual({
    robotEveryMs: 10_000,
    robotGraceMs: 1_000,
    robotMissed: 1,
  });
});

test("CLI2 the environment fills in for all robots what no flag says", () => {
  const env = { PULSEMESH_EVERY: "9s", PULSEMESH_GRACE: "1s", PULSEMESH_MISSED: "7" };
  expect(schedules(["--robot", "a", "--robot", "b", "--every", "4s"], env)).toEqual({
    a: every(9_000, 1_000, 7),
    b: every(4_000, 1_000, 7),
  });
  expect(schedules(["--every", "2s", "--robot", "a"], env)).toEqual({ a: every(2_000, 1_000, 7) });
});

test("CLI9 labels add up, a robot named twice is one robot", () => {
  const args =
    "--label team=x --robot a --label role=scan --robot b --robot a --every 1s --label role=z=1";
  expect(registerCommands(read(args.split(" ")))).toMatchObject([
    { robot: "a", labels: { team: "x", role: "z=1" }, schedule: { everyMs: 1_000 } },
    { robot: "b", labels: { team: "x" } },
  ]);
});

test.each([
  [["--robot", "a/b"], "robot id"],
  [["--robot", "a", "--every", "99ms"], "--every"],
  [["--robot", "a", "--every", "32d"], "--every"],
  [["--robot", "a", "--missed", "0"], "--missed"],
  [["--robot", "a", "--label", "x"], "KEY=VALUE"],
])("CLI5 %j is refused by name", (args, part) => {
  expect(() => read(args)).toThrow(part);
});

test("CLI5 more labels than LABELS_MAX are refused before anything starts", () => {
  const labels = Array.from({ length: LABELS_MAX + 1 }, (_, i) => ["--label", `k${i}=v`]).flat();
  expect(() => registerCommands(read(["--robot", "a", ...labels]))).toThrow("33 labels");
});

test("CLI9 --cron, --tz and --floating are of the --robot before them; a cron line takes no period from what holds for all", () => {
  const cron = (line: string, timeZone: string, graceMs: number) => ({
    type: "cron",
    line,
    timeZone,
    graceMs,
    startupMs: 60_000,
  });
  const args = ["--every", "30s", "--grace", "5m", "--robot", "a", "--cron", "0 3 * * *"];
  args.push("--tz", "Europe/Vienna", "--robot", "b", "--floating", "--robot", "c");
  args.push("--cron", "* * * * *", "--grace", "10s");
  expect(schedules(args)).toEqual({
    a: cron("0 3 * * *", "Europe/Vienna", 300_000),
    b: every(30_000, 300_000, 1),
    c: cron("* * * * *", "UTC", 10_000),
  });
  const floating = registerCommands(read(args)).map((each) => [each.robot, each.floating]);
  expect(floating).toEqual([
    ["a", undefined],
    ["b", true],
    ["c", undefined],
  ]);
});

test("CLI5 CLI9 --cron, --tz and --floating are refused in front, and where they exclude what is said", () => {
  for (const flag of ["--cron=* * * * *", "--tz=UTC", "--floating"])
    expect(() => read([flag, "--robot", "a"])).toThrow(/in front of the first --robot/);
  const both = ["--robot", "a", "--cron", "* * * * *"];
  expect(() => schedules([...both, "--every", "5s"])).toThrow(/exclude each other/);
  expect(() => schedules([...both, "--missed", "2"])).toThrow(/'missed' needs 'every'/);
  expect(() => schedules(["--robot", "a", "--tz", "UTC"])).toThrow(/'timeZone' needs 'cron'/);
});

test("CLI26 what flags say of robots is configuration, which a restart repeats", () => {
  expect(registerCommands(read(["--robot", "a"])).map(({ origin }) => origin)).toEqual(["config"]);
});
