import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { readSecretKey, secretKeyId } from "../keys/secret-file.ts";
import { dyingAt } from "./dying.test-support.ts";
import { START_S } from "./enrolment.test-support.ts";
import { privateFileChanges } from "./init-journal.ts";
import { type MovedRoot, moveRoot, sealRoot } from "./move-root.ts";
import { readStatedRoots } from "./root-folder.ts";
import { nextRootStatement } from "./root-statements.ts";

const passphrase = "correct horse battery";
const rootFiles = ["fleet-root-next.key", "fleet-root.key", "root-statements.json"];
const keyFiles = rootFiles.slice(0, 2);
/** Three files there, three away from here. */
const CHANGES = 6;

let rig: RootRig;
let to: string;
let ids: readonly unknown[];
beforeEach(async () => {
  rig = new RootRig();
  // As `run` leaves it.
  Object.assign(rig, { rootDir: join(rig.dir, "root") });
  await rig.init();
  to = join(rig.base, "mnt", "stick");
  mkdirSync(join(rig.base, "mnt"));
  ids = idsIn(rig.rootDir);
});
afterEach(() => rig.remove());

const idsIn = (dir: string): readonly unknown[] =>
  keyFiles.map((name) => secretKeyId(join(dir, name)));
const move = (options: object = {}): Promise<MovedRoot> =>
  moveRoot({ dataDir: rig.dir, to, ...options });
const isSealedIn = (dir: string): readonly boolean[] =>
  keyFiles.map((name) => readFileSync(join(dir, name), "utf8").includes("scrypt"));

/** Whether a root's next statement can be signed with what is in a folder: it is whole, and opens. */
async function isWhole(dir: string, phrase?: string): Promise<boolean> {
  try {
    await Promise.all(keyFiles.map(async (name) => readSecretKey(join(dir, name), phrase)));
    return readStatedRoots(dir).length === 1;
  } catch {
    return false;
  }
}

test("ME6 the root's keys are moved out of a node's folder and sealed, and sign there as before", async () => {
  writeFileSync(join(rig.rootDir, "fleet-root.key.0123456789ab"), "half a key");
  const moved = await move({ passphrase });
  expect(moved).toEqual({
    status: "moved",
    fleet: rig.made.fleet,
    rootDir: to,
    isSealed: true,
    left: [],
  });
  expect(existsSync(rig.rootDir)).toBe(false);
  expect(readdirSync(to).toSorted()).toEqual(rootFiles);
  expect([idsIn(to), isSealedIn(to)]).toEqual([ids, [true, true]]);
  expect(statSync(to).mode & 0o777).toBe(0o700);
  for (const name of rootFiles) expect(statSync(join(to, name)).mode & 0o777).toBe(0o600);
  expect(await move({ passphrase })).toMatchObject({ status: "present", isSealed: true });
  const next = { rootDir: to, passphrase, change: { rotate: true }, nowS: START_S + 100 };
  expect(await nextRootStatement(next)).toMatchObject({ number: 2 });
});

test("ME6 without a passphrase they are moved as they are, and what is not theirs stays", async () => {
  writeFileSync(rig.path("notes.txt"), "mine");
  mkdirSync(to, { recursive: true, mode: 0o755 });
  chmodSync(to, 0o755);
  mkdirSync(join(to, "lost+found"));
  expect(await move()).toMatchObject({ isSealed: false, left: ["notes.txt"] });
  expect(readdirSync(rig.rootDir)).toEqual(["notes.txt"]);
  expect(statSync(to).mode & 0o777).toBe(0o700);
  expect([idsIn(to), isSealedIn(to)]).toEqual([ids, [false, false]]);
});

test("ME6 keys that an earlier release left beside those of the node are moved as well, and no others", async () => {
  for (const name of rootFiles) cpSync(rig.path(name), join(rig.dir, name));
  rmSync(rig.rootDir, { recursive: true });
  expect(await move({ passphrase })).toMatchObject({ status: "moved", left: [] });
  expect(readdirSync(rig.dir).filter((name) => rootFiles.includes(name))).toEqual([]);
  expect(readdirSync(rig.dir)).toEqual(expect.arrayContaining(["node.key", "issuer.key"]));
});

test("ME6 a key that is kept elsewhere is no fault", async () => {
  rmSync(rig.path("fleet-root-next.key"));
  expect(await move({ passphrase })).toMatchObject({ status: "moved" });
  expect(readdirSync(to).toSorted()).toEqual(["fleet-root.key", "root-statements.json"]);
});

test("ME6 P5 whoever dies at any change of a file finds the root's keys whole in one folder, and finishes the move", async () => {
  const instants = Array.from({ length: CHANGES }, (_, at) => at).flatMap((at) => [
    { at, when: "before" as const, phrase: undefined },
    { at, when: "after" as const, phrase: undefined },
  ]);
  // Sealing takes its time: at the turning points alone.
  const sealed = [
    { at: 1, when: "before" as const, phrase: passphrase },
    { at: 2, when: "after" as const, phrase: passphrase },
    { at: 3, when: "after" as const, phrase: passphrase },
  ];
  for (const { at, when, phrase } of [...instants, ...sealed]) {
    const fresh = new RootRig();
    Object.assign(fresh, { rootDir: join(fresh.dir, "root") });
    await fresh.init();
    const there = join(fresh.base, "stick");
    const asked = { dataDir: fresh.dir, to: there, passphrase: phrase };
    expect(await codeOf(moveRoot({ ...asked, changes: dyingAt(at, when) }))).toBe("died");
    const whole = [await isWhole(fresh.rootDir), await isWhole(there, phrase)];
    expect([at, when, whole.includes(true)]).toEqual([at, when, true]);
    expect(await moveRoot(asked)).toMatchObject({ isSealed: phrase !== undefined });
    expect(existsSync(fresh.rootDir)).toBe(false);
    expect(await isWhole(there, phrase)).toBe(true);
    fresh.remove();
  }
});

test("ME6 a medium that does not keep what it takes costs nothing: the old files stay", async () => {
  for (const name of rootFiles) {
    const lying = {
      ...privateFileChanges,
      write: (path: string, text: string) =>
        privateFileChanges.write(path, path.endsWith(name) ? text.slice(0, -10) : text),
    };
    expect(await codeOf(move({ changes: lying }))).toBe("data-dir-unusable");
    expect([name, await isWhole(rig.rootDir)]).toEqual([name, true]);
    rmSync(to, { recursive: true });
  }
});

test("ME6 no move goes into the node's folder, into itself, over anything, or over another root", async () => {
  const inside = join(rig.base, "link");
  symlinkSync(rig.dir, inside);
  for (const bad of [rig.dir, join(rig.dir, "x"), join(inside, "y"), rig.rootDir, inside]) {
    expect([bad, await codeOf(move({ to: bad }))]).toEqual([bad, "option-invalid"]);
    expect(await isWhole(rig.rootDir)).toBe(true);
  }
  expect(existsSync(join(rig.dir, "x"))).toBe(false);
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "holiday.jpg"), "x");
  expect(await codeOf(move())).toBe("option-invalid");
  const other = await new RootRig("other-").init();
  expect(await codeOf(move({ to: other.rootDir }))).toBe("data-dir-unusable");
  expect(await isWhole(other.rootDir)).toBe(true);
  expect(await isWhole(rig.rootDir)).toBe(true);
  other.remove();
  writeFileSync(join(rig.base, "file"), "x");
  expect(await codeOf(move({ to: join(rig.base, "file") }))).toBe("data-dir-unusable");
});

test("ME6 another copy of the same keys is completed and sealed, one that is older or newer is not touched", async () => {
  const named = {
    key: rig.made.issuer ?? "",
    expS: START_S + 9_000,
    roles: ["robot" as const],
    robots: ["*"],
  };
  for (const change of [{ rotate: true }, { name: [named] }]) {
    cpSync(rig.rootDir, to, { recursive: true });
    await nextRootStatement({ rootDir: to, change, nowS: START_S + 100 });
    expect(await codeOf(move())).toBe("data-dir-unusable");
    expect(await isWhole(rig.rootDir)).toBe(true);
    rmSync(to, { recursive: true });
  }
  cpSync(rig.rootDir, to, { recursive: true });
  expect(await move({ passphrase })).toMatchObject({ status: "moved" });
  expect(isSealedIn(to)).toEqual([true, true]);
  expect(existsSync(rig.rootDir)).toBe(false);
});

test("ME6 sealed keys are moved by who has their passphrase, and stay sealed", async () => {
  expect(await sealRoot({ rootDir: rig.rootDir, passphrase })).toMatchObject({ status: "sealed" });
  const sealed = keyFiles.map((name) => readFileSync(rig.path(name), "utf8"));
  for (const phrase of [undefined, `${passphrase}?`])
    expect(await codeOf(move({ passphrase: phrase }))).toBe("passphrase-wrong");
  expect(await isWhole(rig.rootDir, passphrase)).toBe(true);
  await move({ passphrase });
  expect(keyFiles.map((name) => readFileSync(join(to, name), "utf8"))).toEqual(sealed);
});

test("ME6 a folder is sealed in place, whenever somebody dies, and once", async () => {
  const asked = { rootDir: rig.rootDir, passphrase };
  for (const [at, when] of [
    [0, "before"],
    [0, "after"],
    [0, "after"],
  ] as const) {
    expect(await codeOf(sealRoot({ ...asked, changes: dyingAt(at, when) }))).toBe("died");
    expect(await isWhole(rig.rootDir, passphrase)).toBe(true);
  }
  expect(await sealRoot(asked)).toMatchObject({ status: "present", fleet: rig.made.fleet });
  expect([idsIn(rig.rootDir), isSealedIn(rig.rootDir)]).toEqual([ids, [true, true]]);
  const another = sealRoot({ ...asked, passphrase: `${passphrase}?` });
  expect(await codeOf(another)).toBe("passphrase-wrong");
});

test("ME6 where the folder around it is missing, as of a stick that is not mounted, nothing is moved to the disk below", async () => {
  const below = join(to, "root");
  await expect(move({ to: below })).rejects.toThrow(`there is no ${to}.`);
  expect([existsSync(to), await isWhole(rig.rootDir)]).toEqual([false, true]);
  mkdirSync(to);
  expect(await move({ to: below })).toMatchObject({ status: "moved", rootDir: below });
});

test("ME6 nothing is moved while a fleet is half made, or where no root is", async () => {
  writeFileSync(rig.path("fleet-init.json"), "{}");
  expect(await codeOf(move())).toBe("data-dir-unusable");
  rmSync(rig.path("fleet-init.json"));
  writeFileSync(join(rig.dir, "fleet-init-unfinished"), "./root\n");
  expect(await codeOf(move())).toBe("data-dir-unusable");
  rmSync(join(rig.dir, "fleet-init-unfinished"));
  rmSync(rig.path("root-statements.json"));
  expect(await codeOf(move())).toBe("data-dir-unusable");
  expect(await codeOf(sealRoot({ rootDir: rig.rootDir, passphrase }))).toBe("data-dir-unusable");
  rmSync(rig.rootDir, { recursive: true });
  expect(await codeOf(move())).toBe("data-dir-unusable");
  expect(existsSync(to)).toBe(false);
});
