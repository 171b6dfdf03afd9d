/** Broken rules of members that are away for long: whose silence counts, whose clock, what comes back with them, and what stays on disk. */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";
const AUDIT = "packages/core/src/audit/";
const STATE = "packages/core/src/state/";

const mayBeOffline: Killer = {
  project: "sim",
  file: "packages/sim/src/scenarios/may-be-offline.test.ts",
};
const bothSides: Killer = {
  project: "sim",
  file: "packages/sim/src/scenarios/offline-fleet.test.ts",
  title: "both sides write",
};
const wrongClock: Killer = { project: "unit", file: `${STATE}wrong-clock.test.ts` };
const record: Killer = { project: "unit", file: `${STATE}record.test.ts` };
const pruning: Killer = { project: "unit", file: `${AUDIT}audit-pruning.test.ts` };

export const offlineMutations: readonly Mutation[] = [
  {
    id: "absence-judged",
    rules: ["VE9"],
    breaks: "a member that may be offline is accused like any other",
    file: `${LIVENESS}subject.ts`,
    search: ": Math.max(overdueMonoMs, this.seenMonoMs + mayBeOfflineMs);",
    replacement: ": overdueMonoMs;",
    killer: mayBeOffline,
  },
  {
    id: "absence-begins-anew",
    rules: ["VE9", "SG3"],
    breaks: "with each start of a reader the absence of a member begins anew",
    file: `${LIVENESS}absences.ts`,
    search: "now.monoMs - Math.max(0, now.wallMs - wallMs)",
    replacement: "now.monoMs",
    killer: mayBeOffline,
  },
  {
    id: "absence-forgotten",
    rules: ["VE9"],
    breaks:
      "the row of a member that is still heard says when it was heard, not until when it counts as heard",
    file: `${LIVENESS}absences.ts`,
    search: "this.#save(node, seenWallMs + everyMs);",
    replacement: "this.#save(node, seenWallMs - everyMs * 5);",
    killer: mayBeOffline,
  },
  {
    id: "goodbye-not-told",
    rules: ["VE9"],
    breaks: "who was away when a member said goodbye is not told",
    file: `${LIVENESS}goodbyes.ts`,
    search: 'this.#env.out.persist([{ type: "put", key: GOODBYE_ROW_PREFIX + node, value }]);',
    replacement: "if (value.length > 0) this.#held.delete(node);",
    killer: bothSides,
  },
  {
    id: "clock-falls-back",
    rules: ["OFF1", "P5"],
    breaks: "a node stamps and reads by whatever its wall clock says",
    file: `${STATE}own-clock.ts`,
    search: "return Math.max(now.wallMs, this.#floorWallMs ?? now.wallMs);",
    replacement: "return now.wallMs;",
    killer: wrongClock,
  },
  {
    id: "led-stamp-out-of-sight",
    rules: ["OFF1", "P5"],
    breaks: "a clock that was set back reads by the hour at which it wrote",
    file: `${STATE}own-clock.ts`,
    search: "? floorWallMs + STEP_MS :",
    replacement: "? floorWallMs :",
    killer: { ...wrongClock, title: "OFF1 CH4 P5 what was written above" },
  },
  {
    id: "clock-led-on",
    rules: ["OFF1", "CH4"],
    breaks: "the newest own stamp counts as the time of the own clock",
    file: `${STATE}own-clock.ts`,
    search: "if (this.#floorWallMs === undefined && ownHlc > 0)",
    replacement: "if (ownHlc > 0)",
    killer: wrongClock,
  },
  {
    id: "late-patch-revives",
    rules: ["OFF3", "CH4"],
    breaks: "a patch of who did not know of a retirement brings the robot back",
    file: `${STATE}record-view.ts`,
    search: "if (merged.retired === undefined) return true;",
    replacement: "if (merged.fields.size >= 0) return true;",
    killer: record,
  },
  {
    id: "log-without-limit",
    rules: ["OFF4", "P6"],
    breaks: "the audit log is never pruned",
    file: `${AUDIT}audit-pruning.ts`,
    search: "if (this.#isReading) return;",
    replacement: "if (size >= 0) return;",
    killer: pruning,
  },
  {
    id: "base-unsaid",
    rules: ["OFF4", "P7"],
    breaks: "the beginning of a pruned log is believed without an entry that says it",
    file: `${AUDIT}audit-verifier.ts`,
    search: "this.#isBaseSaid = false;",
    replacement: "this.#isBaseSaid = true;",
    killer: pruning,
  },
  {
    id: "undated-boot-stays-away",
    rules: ["VE9", "VE3"],
    breaks:
      "a boot that nobody can date leaves the absence that was announced before it as long as it was",
    file: "packages/core/src/liveness/subject.ts",
    search: "this.pausedUntilMonoMs = Math.min(this.pausedUntilMonoMs, soonMonoMs);",
    replacement: "this.pausedUntilMonoMs = Math.max(this.pausedUntilMonoMs, soonMonoMs);",
    killer: {
      project: "unit",
      file: "packages/core/src/liveness/subject.test.ts",
      title: "VE9 VE3",
    },
  },
  {
    id: "undated-boot-is-back",
    rules: ["VE9"],
    breaks: "a newer boot ends an announced absence before anything proves that it lives",
    file: "packages/core/src/liveness/subject.ts",
    search: "if (isDated || name.boot === this.#pausedBy.boot)",
    replacement: "if (isDated || name.boot >= this.#pausedBy.boot)",
    killer: { project: "unit", file: "packages/core/src/liveness/subject.test.ts", title: "VE9" },
  },
  {
    id: "away-for-ever",
    rules: ["VE9", "SG2"],
    breaks: "MAY_BE_OFFLINE_MS_MAX bounds nothing: who says so is never down",
    file: "packages/core/src/chain/entry.ts",
    search: "isIntegerIn(value, 1, MAY_BE_OFFLINE_MS_MAX)",
    replacement: "isIntegerIn(value, 1, Number.MAX_SAFE_INTEGER)",
    killer: { project: "unit", file: "packages/core/src/roster/may-be-offline.test.ts" },
  },
];
