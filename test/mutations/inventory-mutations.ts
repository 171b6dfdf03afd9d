/** Rules of robots and nodes as inventory (ADR 0013, 0014), broken on purpose. */
import type { Killer, Mutation } from "./mutation.ts";

const ROBOTS = "packages/core/src/robots/";
const ROSTER = "packages/core/src/roster/";
const STATE = "packages/core/src/state/";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });

export const inventoryMutations: readonly Mutation[] = [
  {
    id: "edit-not-taken-over",
    rules: ["VE7"],
    breaks: "a home judges by what was registered with it, whatever the record says",
    file: `${ROBOTS}edits.ts`,
    search: "now.wallMs).ok ? said : own;",
    replacement: "now.wallMs).ok ? own : own;",
    killer: unit(`${ROBOTS}inventory.test.ts`, "VE7 the home takes over"),
  },
  {
    id: "restart-undoes-edits",
    rules: ["CLI26"],
    breaks: "a node's configuration is applied at every start",
    file: `${ROBOTS}inventory.ts`,
    search: "found !== undefined && this.#applied.isApplied(robot, terms))",
    replacement: "found !== undefined && !this.#applied.isApplied(robot, terms))",
    killer: unit(`${ROBOTS}inventory.test.ts`, "CLI26"),
  },
  {
    id: "live-robot-retired-elsewhere",
    rules: ["P4", "CH4"],
    breaks: "another node's retirement counts at a home that hears the robot",
    file: `${ROBOTS}retirement.ts`,
    search: 'return robot.status === "down" ? this.#heed',
    replacement: 'return robot.status !== "new" ? this.#heed',
    killer: unit(`${ROBOTS}registration.test.ts`, "P4 CH4 who hosts a robot keeps it"),
  },
  {
    id: "life-hidden-by-new-robot",
    rules: ["P4", "CH4"],
    breaks: "who registers a robot at once above its marker takes it from a home that hears it",
    file: `${ROBOTS}retirement.ts`,
    search: "record?.hiddenBy ?? record?.retiredBy",
    replacement: "record?.retiredBy",
    killer: unit(`${ROBOTS}inventory.test.ts`, "P4 CH4 a marker counts for the home also"),
  },
  {
    id: "unsaid-death-hidden",
    rules: ["P4"],
    breaks: "a robot that dies while its home may not restate it stays hidden",
    file: `${ROBOTS}retirement.ts`,
    search: 'this.#wait(robot.id, { kind: "restate", atMonoMs: dueMonoMs });',
    replacement: "",
    killer: unit(`${ROBOTS}inventory.test.ts`, "P4 a robot that dies"),
  },
  {
    id: "retired-record-kept-whole",
    rules: ["CH4", "P6"],
    breaks: "a retired robot's record stays as large as it was",
    file: `${STATE}record-draft.ts`,
    search: "    this.#fields.clear();\n    this.#tombstones.clear();",
    replacement: "",
    killer: unit(`${STATE}record-draft.test.ts`, "CH4 P6 what is left"),
  },
  {
    id: "marker-takes-a-place",
    rules: ["P6", "CH4"],
    breaks: "a retired robot counts as one that lives",
    file: `${STATE}own-volume.ts`,
    search: "this.#markers += Number(isMarker) - Number(before?.isMarker ?? false);",
    replacement: "",
    killer: unit(`${STATE}own-volume.test.ts`, "P6 CH4 retired robots take no"),
  },
  {
    id: "heard-node-retired",
    rules: ["VE1", "P4"],
    breaks: "a member is out by another one's word, though it is heard",
    file: `${ROSTER}node-retirements.ts`,
    search: "if (!this.#isLongSilent(node, now)) return;",
    replacement: "",
    killer: unit(`${ROSTER}node-retirements.test.ts`, "VE1 P4 nobody is retired"),
  },
  {
    id: "retired-boot-ignored",
    rules: ["VE1"],
    breaks: "a retirement counts for boots that are over, and for those to come",
    file: `${ROSTER}node-retirements.ts`,
    search: "statement.boot !== boot) return;",
    replacement: "statement.boot < 0) return;",
    killer: unit(`${ROSTER}node-retirements.test.ts`, "VE1 a statement counts"),
  },
  {
    id: "retirement-not-taken-back",
    rules: ["P4", "VE1"],
    breaks: "a node that is called retired says nothing",
    file: `${ROSTER}node-retirements.ts`,
    search: "if (document.write(self, null, now) !== undefined) return;",
    replacement: "if (now.monoMs > 0) return;",
    killer: unit(`${ROSTER}node-retirements.test.ts`, "P4 VE1 a node that is retired"),
  },
  {
    id: "ids-without-limit",
    rules: ["P6", "CH7"],
    breaks: "AUTHOR_IDS_MAX bounds nothing: a node writes more than its next snapshot may hold",
    file: "packages/core/src/state/own-volume.ts",
    search: "if (before === undefined && this.#of.size >= AUTHOR_IDS_MAX)",
    replacement: "if (before === undefined && this.#of.size < 0)",
    killer: {
      project: "unit",
      file: "packages/core/src/state/own-volume.test.ts",
      title: "AUTHOR_IDS_MAX",
    },
  },
  {
    id: "retirement-refused",
    rules: ["P6"],
    breaks: "a node that is full of robots can retire none",
    file: "packages/core/src/state/own-volume.ts",
    search: "const isOneMore = !record.isMarker && before?.isMarker !== false;",
    replacement: "const isOneMore = before?.isMarker !== true;",
    killer: {
      project: "unit",
      file: "packages/core/src/state/own-volume.test.ts",
      title: "AUTHOR_IDS_MAX",
    },
  },
];
