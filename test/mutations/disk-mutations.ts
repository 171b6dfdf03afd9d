/** Broken rules about lost, restored and copied disks, and backups. */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/";
const BACKUP = "packages/node/src/backup/";
const mesh = (title?: string): Killer => ({
  project: "unit",
  file: `${CORE}boot/twin-mesh.test.ts`,
  title,
});
const backup = (title?: string): Killer => ({
  project: "unit",
  file: `${BACKUP}backup.test.ts`,
  title,
});

const brokenRestore: Killer = { project: "unit", file: `${BACKUP}broken-restore.test.ts` };

export const diskMutations: readonly Mutation[] = [
  {
    id: "boot-in-seconds",
    rules: ["PU3", "P5", "BK1"],
    breaks: "copies of one disk that start in the same second write under one epoch",
    file: `${CORE}boot/boots.ts`,
    search: "Math.floor(now.wallMs - SINCE_2020_MS)",
    replacement: "Math.floor((now.wallMs - SINCE_2020_MS) / 1_000)",
    killer: mesh("started twice within one second"),
  },
  {
    id: "twin-by-rumour",
    rules: ["BK1", "P3"],
    breaks: "any pulse under the own key that this process did not make is proof of a twin",
    file: `${CORE}boot/twins.ts`,
    search: "const sentMonoMs = twin === undefined ? undefined : this.#sentAt(twin);",
    replacement: "const sentMonoMs: number | undefined = now.monoMs;",
    killer: mesh("is no twin"),
  },
  {
    id: "twin-for-ever",
    rules: ["BK1", "P3"],
    breaks: "an answer proves a twin however old the pulse is that it answers",
    file: `${CORE}boot/twins.ts`,
    search: 'if (now.monoMs - sentMonoMs > this.#quietMs) return "none";',
    replacement: "",
    killer: {
      project: "unit",
      file: `${CORE}boot/twins.test.ts`,
      title: "however often it is replayed",
    },
  },
  {
    id: "twin-acknowledges",
    rules: ["BK1"],
    breaks: "a node that knows of its twin goes on acknowledging",
    file: `${CORE}core.ts`,
    search: "if (this.#twinHold.isHeld) return this.#env.out.reply(id, this.#twinAnswer());",
    replacement: "",
    killer: mesh("take turns of 250 ms"),
  },
  {
    id: "twin-boots-on",
    rules: ["BK1"],
    breaks: "a node that knows of its twin goes on opening boots above it",
    file: `${CORE}core.ts`,
    search: "const mayBoot = !this.#twinHold.isHeld && this.#bootRate.admit(now.monoMs);",
    replacement: "const mayBoot = this.#bootRate.admit(now.monoMs);",
    killer: mesh("no more boots"),
  },
  {
    id: "twin-unheard",
    rules: ["BK2"],
    breaks: "pulses of the older of two boots are handed on to nobody",
    file: `${CORE}liveness/neighbourhood.ts`,
    search: 'if (isOlder) return "accept";',
    replacement: "",
    killer: mesh("neighbours of its own"),
  },
  {
    id: "backup-unchecked",
    rules: ["BK4"],
    breaks: "the checksums of a backup are not compared",
    file: `${BACKUP}read-backup.ts`,
    search: "      compareChecksums(new TextDecoder().decode(bytes), checksums, before);\n",
    replacement: "",
    killer: backup("one byte was changed"),
  },
  {
    id: "restore-over",
    rules: ["BK5"],
    breaks: "a restore goes to a folder that has something in it",
    file: `${BACKUP}restore-backup.ts`,
    search: "  refuseUnlessEmpty(target);\n",
    replacement: "",
    killer: backup("anything in it is refused"),
  },
  {
    id: "quarantine-without-end",
    rules: ["DU1", "P6"],
    breaks: "what a bad disk spoils is kept aside, however much it is",
    file: "packages/store-level/src/quarantine.ts",
    search: "this.#bytes + bytes <= QUARANTINE_BYTES_MAX",
    replacement: "bytes > 0",
    killer: {
      project: "unit",
      file: "packages/store-level/src/level-store.test.ts",
      title: "QUARANTINE_BYTES_MAX",
    },
  },
  {
    id: "restore-into-open-volume",
    rules: ["BK5", "CFG13"],
    breaks: "keys are restored to a volume that others on the machine may enter",
    file: `${BACKUP}restore-backup.ts`,
    search: "    setMode(target, aside, sharedData);\n",
    replacement: "",
    killer: { ...brokenRestore, title: "BK5 CFG13" },
  },
  {
    id: "broken-restore-takes-node",
    rules: ["BK5"],
    breaks: "what lies in a node's folder is cleared away as if a restore had left it",
    file: `${BACKUP}broken-restore.ts`,
    search: "if (existsSync(join(target, LAST_FILE))) {",
    replacement: 'if (existsSync("")) {',
    killer: { ...brokenRestore, title: "BK5 of a node's folder" },
  },
  {
    id: "restore-beside-another",
    rules: ["BK5"],
    breaks: "a restore clears away what another one, which is at work, is filling",
    file: `${BACKUP}broken-restore.ts`,
    search: "if (Number.isNaN(pid) || pid === process.pid || !isAlive(pid)) return;",
    replacement: "if (pid !== 0) return;",
    killer: { ...brokenRestore, title: "BK5 a restore that is under way" },
  },
  {
    id: "forgeries-hide-the-twin",
    rules: ["BK1", "P6"],
    breaks: "forgeries above a node's own pulse use up what it verifies of recordings below",
    file: `${CORE}liveness/twin-watch.ts`,
    search: "if (comparePulseNames(header, own) > 0 || !this.#twins.isForeign(header)) return own;",
    replacement: "if (!this.#twins.isForeign(header)) return own;",
    killer: mesh("FOREIGN_PULSES_PER_SECOND_MAX"),
  },
  {
    id: "boots-used-up",
    rules: ["PU3"],
    breaks: "one start with a clock decades ahead uses up the numbers that a boot can have",
    file: `${CORE}boot/boots.ts`,
    search: "byClock <= CLOCK_BOOT_MAX ? byClock : 0",
    replacement: "byClock",
    killer: { project: "unit", file: `${CORE}boot/boots.test.ts`, title: "CLOCK_BOOT_MAX" },
  },
];
