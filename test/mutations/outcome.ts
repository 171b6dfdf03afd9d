/** Applies one mutation to a copy of the tree and judges what its killer says. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";
import { runKillers, type KillerRun } from "./killer-run.ts";
import { type Killer, mutate, type Mutation } from "./mutation.ts";
import { copyTree } from "./tree-copy.ts";

export type Outcome =
  | { readonly type: "killed"; readonly mutation: Mutation; readonly test: string }
  /** `why`: the tests passed, or failed by something else than an assertion. */
  | { readonly type: "survived"; readonly mutation: Mutation; readonly why: string };

/** Runs one mutation. @throws RangeError when its text does not stand exactly once in its file. */
export async function tryMutation(mutation: Mutation): Promise<Outcome> {
  const copy = copyTree(root);
  try {
    const path = join(copy.dir, mutation.file);
    writeFileSync(path, mutate(mutation, readFileSync(path, "utf8")));
    return judge(mutation, await runKillers(copy.dir, [mutation.killer]));
  } finally {
    copy.remove();
  }
}

/** What the killers of these mutations say without any mutation: nothing but passed tests, or the reasons why not. */
export async function findFaults(mutations: readonly Mutation[]): Promise<readonly string[]> {
  const groups = new Map<string, Killer[]>();
  for (const { killer } of mutations) {
    const key = `${killer.project} ${killer.title ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), killer]);
  }
  const copy = copyTree(root);
  const faults: string[] = [];
  try {
    for (const killers of groups.values()) {
      const { passed, failed, broken } = await runKillers(copy.dir, killers);
      faults.push(...failed, ...broken);
      if (passed.length === 0)
        faults.push(`no test ran: ${killers.map(({ file }) => file).join(", ")}`);
    }
  } finally {
    copy.remove();
  }
  return faults;
}

function judge(mutation: Mutation, run: KillerRun): Outcome {
  const quotes = (title: string): boolean =>
    mutation.rules.some((rule) => new RegExp(`\\b${rule}\\b`).test(title));
  const test = run.failed.find(quotes) ?? run.failed[0];
  if (test !== undefined) return { type: "killed", mutation, test };
  const why =
    run.broken.length > 0
      ? `failed, but by no assertion: ${run.broken.join("; ")}`
      : `${run.passed.length} tests passed`;
  return { type: "survived", mutation, why };
}
