import { describe, expect, test } from "vitest";
import { addTotals, countReport, failSkipped, noTests, summaryLine } from "../report.ts";

const file = (status: string, ...statuses: string[]) => ({
  name: "a.test.ts",
  status,
  assertionResults: statuses.map((each, i) => ({ fullName: `test ${i}`, status: each })),
});

describe("countReport", () => {
  test("counts passed, failed and skipped tests", () => {
    const report = { testResults: [file("failed", "passed", "failed", "pending", "todo")] };
    const totals = countReport(report, 1);
    expect(totals).toEqual({ passed: 1, failed: 1, skipped: ["test 2", "test 3"] });
    expect(summaryLine(totals)).toBe("1 passed, 1 failed, 2 skipped");
  });

  test("counts a file that does not load as one failure", () => {
    expect(countReport({ testResults: [file("failed"), file("passed", "passed")] }, 1).failed).toBe(
      1,
    );
  });

  test("counts a killed group and a vitest that died after its last test as one failure", () => {
    expect(countReport(undefined, null)).toEqual({ passed: 0, failed: 1, skipped: [] });
    expect(countReport({ testResults: [file("passed", "passed")] }, 1).failed).toBe(1);
    expect(countReport(undefined, 0)).toEqual(noTests);
  });
});

test("summaryLine says nothing of skipped tests when there are none", () => {
  const totals = addTotals(noTests, { passed: 2, failed: 0, skipped: [] });
  expect(summaryLine(totals)).toBe("2 passed, 0 failed");
});

test("failSkipped turns every skipped test into a failed one", () => {
  const totals = failSkipped({ passed: 2, failed: 1, skipped: ["a", "b"] });
  expect(summaryLine(totals)).toBe("2 passed, 3 failed");
});
