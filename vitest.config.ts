import { defineConfig, type TestUserConfig } from "vitest/config";

/** `npm run test:long` sets it: then files named `*.long.test.ts` run too, and nothing is cut short. */
const long = process.env["PULSEMESH_LONG"] === "1";
const longFiles = long ? [] : ["**/*.long.test.ts"];
const never = ["**/node_modules/**", "**/dist/**", "**/.cache/**"];

/**
 * Hundreds of small files would spend more time on loading the same modules than on testing: they share a process. Whatever a test
 * replaces is put back behind it, so that the next file does not meet it.
 */
const together: TestUserConfig = { isolate: false, restoreMocks: true };

/** One project per kind of test; `test/run.ts` decides which of them may share the machine. */
function project(
  name: string,
  include: string,
  testTimeoutMs: number,
  options: TestUserConfig = {},
) {
  return {
    extends: true as const,
    test: {
      ...options,
      name,
      include: [include],
      exclude: [...never, ...longFiles, ...(options.exclude ?? [])],
      testTimeout: long ? testTimeoutMs * 20 : testTimeoutMs,
      hookTimeout: testTimeoutMs,
    },
  };
}

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    // The simulator makes millions of short-lived objects: a larger nursery halves what collecting them costs.
    execArgv: ["--max-semi-space-size=64"],
    passWithNoTests: true,
    benchmark: { include: [] },
    projects: [
      project("unit", "packages/*/src/**/*.test.ts", 60_000, {
        exclude: ["packages/sim/**"],
        ...together,
      }),
      project("tidy", "test/tidy/**/*.test.ts", 60_000, together),
      // Node's own modules: reaching every import through vite's costs a tenth of a run of millions of calls.
      project("sim", "packages/sim/src/**/*.test.ts", 300_000, {
        experimental: { viteModuleRunner: false },
      }),
      project("integration", "test/integration/**/*.test.ts", 90_000),
      project("e2e", "test/e2e/**/*.test.ts", 180_000),
      project("chaos", "test/chaos/**/*.test.ts", 300_000),
    ],
  },
});
