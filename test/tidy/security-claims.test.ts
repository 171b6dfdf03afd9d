import { expect, test } from "vitest";
import { repoFiles } from "./repository.ts";
import { securityClaimProblems } from "./security-claims.ts";

const page = (text: string) => ({ path: "SECURITY.md", text });
const source = { path: "a.test.ts", text: 'test("P4 holds", () => {});' };

test("every claim of SECURITY.md names tests that exist", () => {
  expect(securityClaimProblems(repoFiles())).toEqual([]);
});

test("securityClaimProblems finds a file and a test that are gone, and a page without any", () => {
  const text =
    "- `a.test.ts` › P4 holds\n- `a.test.ts` › P4 hold\n- `b.test.ts` › P4 holds\n| x | `a.test.ts` › P4 holds |\n| x | y | `a.test.ts` › P5 holds |\n";
  expect(securityClaimProblems([page(text), source])).toEqual([
    'SECURITY.md: a.test.ts has no test "P4 hold".',
    "SECURITY.md: b.test.ts does not exist.",
    'SECURITY.md: a.test.ts has no test "P5 holds".',
  ]);
  expect(securityClaimProblems([page("nothing"), source])).toHaveLength(1);
});
