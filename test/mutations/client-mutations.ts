/** What clients do while a node is away, and what a log's lines are worth, broken on purpose. */
import type { Mutation } from "./mutation.ts";

const deliverTest = "packages/cli/src/spool/deliver.test.ts";
const followTest = "packages/cli/src/tail/follow-file.test.ts";

export const clientMutations: readonly Mutation[] = [
  {
    id: "kept-beat-live",
    rules: ["P3", "CLI31"],
    breaks: "a beat that was kept goes out as if it were given now",
    file: "packages/cli/src/spool/deliver.ts",
    search: "const givenAtWallMs = Math.max(EARLIEST_WALL_MS, atWallMs);",
    replacement: "const givenAtWallMs = atWallMs > 0 ? undefined : 0;",
    killer: { project: "unit", file: deliverTest, title: "CLI31" },
  },
  {
    id: "late-try-live",
    rules: ["P3", "CLI30"],
    breaks: "a beat that was tried for long is still a sign of life when it arrives",
    file: "packages/cli/src/spool/deliver.ts",
    search: "monoMs() - startMs > LIVE_MS_MAX ? toldWallMs : undefined",
    replacement: "undefined",
    killer: { project: "unit", file: deliverTest, title: "CLI30" },
  },
  {
    id: "spooled-outdoes-live",
    rules: ["P3", "VE7"],
    breaks: "a spooled beat takes the place of a live one that is coalesced with it",
    file: "packages/core/src/robots/coalescing.ts",
    search: "live ? kind : `spooled ${kind}`",
    replacement: "live ? kind : kind",
    killer: { project: "unit", file: "packages/core/src/robots/coalescing.test.ts" },
  },
  {
    id: "retry-after-ignored",
    rules: ["CLI30"],
    breaks: "a client comes back sooner than the node asked for",
    file: "packages/cli/src/spool/backoff.ts",
    search: "(retryAfterMs ?? 0) + ",
    replacement: "",
    killer: { project: "unit", file: deliverTest, title: "CLI30" },
  },
  {
    id: "kept-beats-overtaken",
    rules: ["CLI31"],
    breaks: "a new beat is tried although those before it found no node",
    file: "packages/cli/src/spool/deliver.ts",
    search: 'if (flushed?.fate === "away") return { error: flushed.error };',
    replacement: "",
    killer: { project: "unit", file: deliverTest, title: "CLI31" },
  },
  {
    id: "two-deliverers",
    rules: ["CLI31"],
    breaks: "a process delivers although another one does",
    file: "packages/cli/src/spool/spool-claim.ts",
    search: "if (!(await isClaimed(folder, urlKey, name))) return held(path);",
    replacement: "return held(path);",
    killer: { project: "unit", file: "packages/cli/src/spool/spool-claim.test.ts" },
  },
  {
    id: "damage-delivered",
    rules: ["CLI31"],
    breaks: "a kept beat is delivered although its file is not what was written",
    file: "packages/cli/src/spool/spooled-beat.ts",
    search: "sha256(json).slice(0, hashLength) !== hash",
    replacement: "hash.length > hashLength",
    killer: { project: "unit", file: "packages/cli/src/spool/spool.test.ts" },
  },
  {
    id: "cut-file-by-size",
    rules: ["TL2"],
    breaks: "a log that was cut is noticed by its size alone",
    file: "packages/cli/src/tail/followed-file.ts",
    search: "!read.subarray(0, known).equals(this.#known)",
    replacement: "bytesRead < known",
    killer: { project: "unit", file: followTest },
  },
  {
    id: "rotated-file-left",
    rules: ["TL2"],
    breaks: "a log is no longer read once another file has its name",
    file: "packages/cli/src/tail/follow-file.ts",
    search: "await this.#rotate(this.#current);",
    replacement: "await this.#current[Symbol.asyncDispose]();",
    killer: { project: "unit", file: followTest },
  },
];
