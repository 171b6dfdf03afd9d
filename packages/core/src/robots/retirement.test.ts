import { expect, test } from "vitest";
import type { Now } from "../now.ts";
import type { Schedule } from "../view/schedule.ts";
import { newRobot } from "./local-robot.ts";
import { Retirements, type RetirementDeps } from "./retirement.ts";

const EVERY: Schedule = {
  type: "every",
  everyMs: 60_000,
  graceMs: 0,
  missed: 3,
  startupMs: 60_000,
};

test("CH4 P6 however many robots of a home a liar marks, the next decision is known at once, and each is made once and in its turn", () => {
  const nothing = (): void => undefined;
  const deps = {
    env: { identity: { self: "home" }, out: { emit: nothing } },
    fields: { recordOf: () => ({ hiddenBy: "liar" }), restate: nothing },
    audit: { appendReject: nothing },
  } as unknown as RetirementDeps;
  const retirements = new Retirements(deps);
  const at = (monoMs: number): Now => ({ monoMs, wallMs: monoMs });
  const robots = Array.from({ length: 10_000 }, (_, i) => newRobot(`bot-${i}`, EVERY, at(0)));
  // Marked, said again, and marked again: all wait until ten seconds are over.
  for (const [i, robot] of robots.entries()) {
    expect(retirements.answer(robot, "look", at(i))).toBe("restated");
    expect(retirements.answer(robot, "look", at(i))).toBe("none");
  }
  const startedCpu = process.threadCpuUsage();
  let next = Number.POSITIVE_INFINITY;
  for (let beat = 0; beat < 10_000; beat++) next = Math.min(next, retirements.nextMonoMs);
  // A look at each of those that wait would take some hundreds.
  expect(process.threadCpuUsage(startedCpu).user / 1_000).toBeLessThan(50);
  expect(next).toBe(10_000);
  expect(retirements.due(9_999)).toEqual([]);
  expect(retirements.due(10_001)).toEqual(["bot-0", "bot-1"]);
  expect([retirements.due(10_001), retirements.nextMonoMs]).toEqual([[], 10_002]);
});
