import { expect, test } from "vitest";
import { specLimitProblems } from "./spec-limits.ts";

const source = {
  path: "packages/core/src/limits.ts",
  text: [
    "export const FRAME_BYTES_MAX: number = 64 * 1024;",
    "export const ENTRY_BYTES_MAX: number = FRAME_BYTES_MAX;",
    "const FRAMES_MAX = 1_256;",
    "const WAIT_MS_MAX = 4_000;",
    "const DELAY_MS_MAX = 2 ** 31 - 1;",
  ].join("\n"),
};
const problems = (...rows: readonly string[]): string[] =>
  specLimitProblems([source, { path: "docs/SPEC.md", text: rows.join("\n") }]);

test("specLimitProblems accepts what the code says, with units and words for people", () => {
  expect(
    problems(
      "| `FRAME_BYTES_MAX`, `FRAMES_MAX` | 64 KiB, then 1,256 per peer | drops |",
      "| `ENTRY_BYTES_MAX` | 64 KiB | CH3 |",
      "| WAIT_MS_MAX | 4 s | |",
      "| `DELAY_MS_MAX`, which is computed | about 24 days | |",
      "in a sentence FRAMES_MAX | 1 says nothing",
    ),
  ).toEqual([]);
});

test.each([
  ["| `FRAME_BYTES_MAX` | 32 KiB | |", "FRAME_BYTES_MAX is 65536 in the code, not 32768"],
  ["| `FRAME_BYTES_MAX`, `FRAMES_MAX` | 64 KiB, 256 | |", "FRAMES_MAX is 1256 in the code"],
  ["| `ENTRY_BYTES_MAX` | 64 | |", "ENTRY_BYTES_MAX is 65536 in the code, not 64"],
  ["| `WAIT_MS_MAX` | 5 s | |", "WAIT_MS_MAX is 4000 in the code, not 5000"],
  ["| `GONE_MAX` | 5 | |", "GONE_MAX is no constant of the code"],
  ["| `FRAMES_MAX` | many | |", "FRAMES_MAX has no value"],
])("specLimitProblems finds %j", (row, problem) => {
  expect(problems(row).join("\n")).toContain(problem);
});
