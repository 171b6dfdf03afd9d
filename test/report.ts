/**
 * Adds up vitest's JSON reports into the one line that people and CI read. A file that does not load, a group that was killed
 * and a vitest that died without naming a test all count as failures: silence is never success.
 */

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

export const noTests: Totals = { passed: 0, failed: 0, skipped: [] };

/** Counts one group; `report` is undefined when vitest ended without writing one. */
export function countReport(report: VitestReport | undefined, exitCode: number | null): Totals {
  const files = report?.testResults ?? [];
  const results = files.flatMap((file) => file.assertionResults);
  const passed = results.filter((result) => result.status === "passed").length;
  const failedTests = results.filter((result) => result.status === "failed").length;
  const brokenFiles = files.filter(
    (file) =>
      file.status === "failed" &&
      !file.assertionResults.some((result) => result.status === "failed"),
  ).length;
  const failed = failedTests + brokenFiles;
  const skipped = results
    .filter((result) => result.status !== "passed" && result.status !== "failed")
    .map((result) => result.fullName);
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

export function addTotals(a: Totals, b: Totals): Totals {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: [...a.skipped, ...b.skipped],
  };
}

/** In CI nothing may be skipped: a test that cannot run there is a test that nobody runs. */
export function failSkipped(totals: Totals): Totals {
  return { ...totals, failed: totals.failed + totals.skipped.length, skipped: [] };
}

/** The last line of `npm test`. */
export function summaryLine(totals: Totals): string {
  const skipped = totals.skipped.length > 0 ? `, ${totals.skipped.length} skipped` : "";
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}
