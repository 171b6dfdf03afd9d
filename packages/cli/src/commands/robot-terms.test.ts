import { Command } from "commander";
import { expect, test } from "vitest";
import { addFlags } from "../flags.ts";
import { nodeOf } from "./node.ts";
import { editedTerms, newTerms, termFlags, type TermFlags } from "./robot-terms.ts";

function read(...args: readonly string[]): TermFlags {
  const command = addFlags(new Command("add").exitOverride(), termFlags);
  return command.parse(args, { from: "user" }).opts<TermFlags>();
}

const everyRobot = {
  schedule: { type: "every", every_ms: 60_000, grace_ms: 5_000, missed: 2, startup_ms: 90_000 },
  labels: { role: "scan", team: "a" },
  floating: true,
} as const;

test("CLI23 robot add says what the flags say and leaves the rest to the node", () => {
  expect(newTerms(read())).toEqual({ schedule: {}, labels: {}, floating: false });
  const flags = read("--every", "10s", "--grace", "20s", "--missed", "2", "--startup", "5m");
  expect(newTerms(flags).schedule).toEqual({
    every_ms: 10_000,
    grace_ms: 20_000,
    missed: 2,
    startup_ms: 300_000,
  });
  const cron = read("--cron", "0 3 * * *", "--tz", "Europe/Vienna", "--floating");
  expect(newTerms(cron)).toEqual({
    schedule: { cron: "0 3 * * *", time_zone: "Europe/Vienna" },
    labels: {},
    floating: true,
  });
  const labels = newTerms(read("--label", "a=1", "--label", "b=x=y", "--label", "c=")).labels;
  expect(labels).toEqual({ a: "1", b: "x=y", c: "" });
});

test("CLI23 robot edit changes what is named, and only that; key= removes a label", () => {
  const { type: _type, ...schedule } = everyRobot.schedule;
  expect(editedTerms(everyRobot, read())).toEqual({ ...everyRobot, schedule });
  const edited = editedTerms(
    everyRobot,
    read("--grace", "1m", "--label", "team=", "--label", "b=2", "--no-floating"),
  );
  expect(edited).toEqual({
    schedule: { ...schedule, grace_ms: 60_000 },
    labels: { role: "scan", b: "2" },
    floating: false,
  });
});

test("CLI23 a cron line takes the place of a period, and the other way round", () => {
  const cron = editedTerms(everyRobot, read("--cron", "* * * * *")).schedule;
  expect(cron).toEqual({ cron: "* * * * *", grace_ms: 5_000, startup_ms: 90_000 });
  const cronRobot = {
    ...everyRobot,
    schedule: {
      type: "cron",
      cron: "0 3 * * *",
      time_zone: "Asia/Tokyo",
      grace_ms: 1_000,
      startup_ms: 90_000,
      next_due: null,
    },
  } as const;
  const zone = editedTerms(cronRobot, read("--tz", "UTC")).schedule;
  expect(zone).toMatchObject({ cron: "0 3 * * *", time_zone: "UTC", grace_ms: 1_000 });
  expect(editedTerms(cronRobot, read("--every", "5s")).schedule).toEqual({
    every_ms: 5_000,
    grace_ms: 1_000,
    startup_ms: 90_000,
  });
});

test("CLI23 a cron line without grace becomes a period as robot add would make it, and not one of which no beat may be missed", () => {
  const [grace_ms, startup_ms] = [0, 60_000];
  const cron = { type: "cron", cron: "0 3 * * *", time_zone: "UTC", grace_ms, startup_ms } as const;
  const schedule = { ...cron, next_due: null };
  expect(editedTerms({ ...everyRobot, schedule }, read("--every", "5m")).schedule).toEqual({
    every_ms: 300_000,
    startup_ms,
  });
  expect(editedTerms({ ...everyRobot, schedule }, read("--tz", "Asia/Tokyo")).schedule).toEqual({
    cron: "0 3 * * *",
    time_zone: "Asia/Tokyo",
    grace_ms,
    startup_ms,
  });
});

test("CLI5 CLI23 bad terms are refused before a node is asked", () => {
  for (const args of [
    ["--every", "99ms"],
    ["--missed", "0"],
    ["--label", "=x"],
    ["--tz", ""],
  ])
    expect(() => read(...args)).toThrow();
});

test("CLI25 a node is named by its name or id; two of one name must be told apart, and a retired one has its id", () => {
  const gone = `12D3KooW${"a".repeat(44)}`;
  const fleet = {
    self: { id: "s", name: "alpha" },
    peers: [
      { id: "b", name: "beta" },
      { id: "t1", name: "twin" },
      { id: "t2", name: "twin" },
    ],
  };
  expect(nodeOf("beta", fleet).id).toBe("b");
  expect(nodeOf("t2", fleet).name).toBe("twin");
  expect(nodeOf(gone, fleet)).toEqual({ id: gone, name: gone });
  expect(() => nodeOf("twin", fleet)).toThrow(/t1, t2/);
  expect(() => nodeOf("bta", fleet)).toThrow(/Did you mean beta/);
});
