import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../keys/code-of.test-support.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createNode } from "../create-node.ts";
import { readFleetPin } from "../keys/fleet-pin.ts";
import { makeOpenFleet } from "../keys/open-fleet.test-support.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { secretKeyId } from "../keys/secret-file.ts";
import { readStatements } from "./authority-file.ts";
import { dyingAt } from "./dying.test-support.ts";
import { START_S } from "./enrolment.test-support.ts";
import { createFleetAuthority, type FleetAuthority } from "./fleet-authority.ts";
import { privateFileChanges, unfinishedInit } from "./init-journal.ts";
import { acceptMembership, requestMembership } from "./join-fleet.ts";

const NOBODY = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

/** Mark of what is planned, journal, mark, eight files, mark and journal away. */
const CHANGES = 13;
const journal = "fleet-init.json";
const mark = "fleet-init-unfinished";

let base: string;
let dir: string;
let rootDir: string;
let drawn = 0;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "pulsemesh-journal-"));
  begin();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Two folders that nobody has been in. */
function begin(): void {
  drawn += 1;
  dir = join(base, `${drawn}-data`);
  rootDir = join(base, `${drawn}-stick`);
}

const init = async (options: object = {}): Promise<FleetAuthority> =>
  createFleetAuthority({ dir, rootDir, region: "eu", nowS: START_S, ...options });

/** What holds at every instant. */
function checkInstant(): void {
  const isBegun = existsSync(join(rootDir, journal));
  const isMarked = unfinishedInit(dir) !== undefined;
  const made = readStatements(join(dir, "authority.json"));
  // Nobody starts a node on half of a fleet, and the word for it always leads to where it can be finished.
  if (isMarked) expect(unfinishedInit(dir)).toBe(rootDir);
  const names = readdirSync(dir).filter((name) => name !== "node.key" && name !== mark);
  if (isBegun && made === undefined) expect(isMarked).toBe(true);
  if (names.length > 0 && made === undefined) expect(isBegun && isMarked).toBe(true);
  // What says who has authority is never there without the keys that it speaks of.
  if (made === undefined) return;
  expect(secretKeyId(join(rootDir, "fleet-root.key"))).toBe(readFleetPin(dir));
  expect(secretKeyId(join(dir, "issuer.key"))).toBeDefined();
}

function checkFinished(whole: FleetAuthority): void {
  expect(readdirSync(rootDir).toSorted()).toEqual([
    "fleet-root-next.key",
    "fleet-root.key",
    "root-statements.json",
  ]);
  expect(readdirSync(dir)).toHaveLength(6);
  expect(secretKeyId(join(rootDir, "fleet-root.key"))).toBe(whole.fleet);
  expect(readStatements(join(rootDir, "root-statements.json"))).toEqual(
    whole.statements.slice(0, 1),
  );
}

test("ME6 P5 whoever dies at any change of a file finishes the same fleet when he comes back", async () => {
  for (let at = 0; at < CHANGES; at++) {
    for (const when of ["before", "after"] as const) {
      begin();
      expect(await codeOf(init({ changes: dyingAt(at, when) }))).toBe("died");
      checkInstant();
      const before = existsSync(join(rootDir, journal))
        ? readFileSync(join(rootDir, journal), "utf8")
        : undefined;
      const whole = await init({ nowS: START_S + 60, region: "us" });
      const isGone = at === CHANGES - 1 && when === "after";
      const first = before === undefined ? "created" : "completed";
      expect([at, when, whole.status]).toEqual([at, when, isGone ? "present" : first]);
      if (before !== undefined) expect(before).toContain(whole.fleet);
      checkFinished(whole);
      expect(await init()).toEqual({ ...whole, status: "present" });
    }
  }
});

test("ME6 P5 whoever dies again while he finishes it comes to the same end", async () => {
  for (const at of [2, 4, 9, CHANGES - 1]) {
    for (let again = 0; again < CHANGES; again++) {
      begin();
      expect(await codeOf(init({ changes: dyingAt(at, "before") }))).toBe("died");
      const text = readFileSync(join(rootDir, journal), "utf8");
      // There may be nothing left at which to die.
      await init({ changes: dyingAt(again, again % 2 === 0 ? "before" : "after") }).catch(
        (error: unknown) => expect(String(error)).toContain("died"),
      );
      checkInstant();
      const whole = await init();
      expect(text).toContain(whole.fleet);
      checkFinished(whole);
    }
  }
});

test("ME6 P5 the root key of an open fleet is in one folder or the other at every instant, and in one at the end", async () => {
  for (let at = 0; at < CHANGES; at++) {
    for (const when of ["before", "after"] as const) {
      begin();
      mkdirSync(dir, { mode: 0o700 });
      const fleet = makeOpenFleet(dir);
      const places = [dir, rootDir].map((folder) => join(folder, "fleet-root.key"));
      expect(await codeOf(init({ changes: dyingAt(at, when) }))).toBe("died");
      expect(places.map(secretKeyId)).toContain(fleet);
      expect(readFleetPin(dir)).toBe(fleet);
      const whole = await init();
      expect(whole.fleet).toBe(fleet);
      expect(places.map(secretKeyId)).toEqual([undefined, fleet]);
      checkFinished(whole);
    }
  }
});

test("ME6 there are as many changes as these tests die at", async () => {
  let changes = 0;
  const count = (): void => void (changes += 1);
  await init({
    changes: {
      write(path: string, text: string) {
        count();
        privateFileChanges.write(path, text);
      },
      remove(path: string) {
        count();
        privateFileChanges.remove(path);
      },
    },
  });
  expect(changes).toBe(CHANGES);
});

test("ME6 what was begun in one folder is not begun again in another, nor finished by another node", async () => {
  expect(await codeOf(init({ changes: dyingAt(4, "after") }))).toBe("died");
  expect(unfinishedInit(dir)).toBe(rootDir);
  const elsewhere = init({ rootDir: join(base, "another stick") });
  expect(await codeOf(elsewhere)).toBe("data-dir-unusable");
  expect(await codeOf(init({ dir: join(base, "another node") }))).toBe("data-dir-unusable");
  expect((await init()).status).toBe("completed");
  expect(unfinishedInit(dir)).toBeUndefined();
});

test("ME6 a node that starts where it was broken off finishes it, at every instant", async () => {
  for (let at = 1; at < CHANGES; at++) {
    begin();
    expect(await codeOf(init({ changes: dyingAt(at, "after") }))).toBe("died");
    if (unfinishedInit(dir) === undefined) continue;
    const started = createNode({ dataDir: dir, listen: ["/ip4/127.0.0.1/tcp/0"] });
    const node = await started.catch((error: unknown) => String(error));
    expect(node).toHaveProperty("issuer", expect.anything());
    if (typeof node === "string") continue;
    await node.stop();
    const whole = await init();
    expect([whole.status, whole.fleet]).toEqual(["present", node.fleet]);
    expect(readdirSync(rootDir)).toHaveLength(3);
    expect(secretKeyId(join(rootDir, "fleet-root.key"))).toBe(whole.fleet);
  }
});

test("ME6 where the keys are sealed, or are away, no node starts, and nothing is changed", async () => {
  const passphrase = "correct horse battery staple";
  expect(await codeOf(init({ passphrase, changes: dyingAt(4, "after") }))).toBe("died");
  const before = readdirSync(dir).toSorted();
  expect(await codeOf(createNode({ dataDir: dir }))).toBe("data-dir-unusable");
  renameSync(rootDir, `${rootDir}-away`);
  expect(await codeOf(createNode({ dataDir: dir }))).toBe("data-dir-unusable");
  expect(readdirSync(dir).toSorted()).toEqual(before);
});

test("ME6 a folder that is moved while a fleet is half made there is finished as the same fleet, and never begun anew", async () => {
  mkdirSync(dir, { mode: 0o700 });
  const root = join(dir, "root");
  expect(await codeOf(init({ rootDir: root, changes: dyingAt(5, "after") }))).toBe("died");
  const journaled = readFileSync(join(root, journal), "utf8");
  const moved = `${dir}-moved`;
  renameSync(dir, moved);
  expect(unfinishedInit(moved)).toBe(join(moved, "root"));
  renameSync(join(moved, "root", journal), join(moved, "elsewhere"));
  expect(await codeOf(init({ dir: moved, rootDir: join(moved, "root") }))).toBe(
    "data-dir-unusable",
  );
  renameSync(join(moved, "elsewhere"), join(moved, "root", journal));
  const whole = await init({ dir: moved, rootDir: join(moved, "root") });
  expect([whole.status, journaled]).toEqual(["completed", expect.stringContaining(whole.fleet)]);
});

test("ME6 who died before the journal was gone does nothing of it again: keys may have been replaced since", async () => {
  mkdirSync(dir, { mode: 0o700 });
  const root = join(dir, "root");
  const changes = { rootDir: root, changes: dyingAt(CHANGES - 1, "before") };
  expect(await codeOf(init(changes))).toBe("died");
  expect([unfinishedInit(dir), existsSync(join(root, journal))]).toEqual([undefined, true]);
  renameSync(join(root, "fleet-root-next.key"), join(root, "fleet-root.key"));
  const before = readFileSync(join(root, "fleet-root.key"), "utf8");
  const started = createNode({ dataDir: dir, listen: ["/ip4/127.0.0.1/tcp/0"] });
  expect(await codeOf(started.then((node) => node.stop()))).toBe("none");
  expect(existsSync(join(root, journal))).toBe(false);
  expect(readFileSync(join(root, "fleet-root.key"), "utf8")).toBe(before);
});

test("ME6, ME7 while a fleet is half made nobody becomes a member of another with its keys", async () => {
  expect(await codeOf(init({ changes: dyingAt(4, "after") }))).toBe("died");
  const asked = { dir, name: "a", region: "eu", nowS: START_S };
  expect(await codeOf(requestMembership(asked))).toBe("data-dir-unusable");
  expect(await codeOf(acceptMembership(dir, []))).toBe("data-dir-unusable");
  const told = createNode({ dataDir: dir, join: [`/ip4/127.0.0.1/tcp/1/p2p/${NOBODY}`] });
  expect(await codeOf(told)).toBe("data-dir-unusable");
  expect(unfinishedInit(dir)).toBe(rootDir);
});

test("ME1 by a clock that stands before this program was made no fleet is made", async () => {
  expect(await codeOf(init({ nowS: 1_700_000_000 }))).toBe("option-invalid");
  expect(existsSync(join(dir, "fleet.json"))).toBe(false);
  expect((await init()).status).toBe("created");
});

test("P9 a disk that is full while a fleet is made is said to be, and it is finished when there is room", async () => {
  let left = 5;
  const write = (path: string, text: string): void => {
    if (left-- === 0)
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    privateFileChanges.write(path, text);
  };
  expect(await codeOf(init({ changes: { ...privateFileChanges, write } }))).toBe("store-full");
  expect((await init()).status).toBe("completed");
});

test("ME6 where there is an authority not even a folder is made", async () => {
  const whole = await init();
  expect(await init({ rootDir: join(base, "new") })).toEqual({ ...whole, status: "present" });
  expect(existsSync(join(base, "new"))).toBe(false);
});

test("ME1, ME6 a first start that is broken off is finished by the next one, as the same fleet", async () => {
  mkdirSync(dir, { mode: 0o700 });
  const root = join(dir, "root");
  expect(await codeOf(init({ rootDir: root, changes: dyingAt(1, "after") }))).toBe("died");
  const journaled = readFileSync(join(root, journal), "utf8");
  const node = await createNode({ dataDir: dir, listen: ["/ip4/127.0.0.1/tcp/0"] });
  await node.stop();
  expect(journaled).toContain(node.fleet);
  expect(readdirSync(root).toSorted()).toEqual([
    "fleet-root-next.key",
    "fleet-root.key",
    "root-statements.json",
  ]);
});

test("ME6 P5 who dies when nothing but the word for it is there begins anew, in the same folder, and no start makes another fleet meanwhile", async () => {
  for (const changes of [dyingAt(0, "after"), dyingAt(1, "before")]) {
    begin();
    expect(await codeOf(init({ changes }))).toBe("died");
    expect(readdirSync(dir).toSorted()).toEqual([mark, "node.key"]);
    // A fleet made here meanwhile would leave two of them, one of which the stick's keys are for.
    expect(await codeOf(createNode({ dataDir: dir }))).toBe("data-dir-unusable");
    const elsewhere = init({ rootDir: join(base, "another stick") });
    expect(await codeOf(elsewhere)).toBe("data-dir-unusable");
    const whole = await init();
    expect(whole.status).toBe("created");
    checkFinished(whole);
  }
  begin();
  mkdirSync(dir, { mode: 0o700 });
  const own = { rootDir: join(dir, "root"), changes: dyingAt(0, "after") };
  const passphrase = "correct horse battery staple";
  expect(await codeOf(init({ ...own, passphrase }))).toBe("died");
  // Its keys were to be sealed.
  expect(await codeOf(createNode({ dataDir: dir }))).toBe("data-dir-unusable");
  rmSync(join(dir, mark));
  expect(await codeOf(init({ ...own, changes: dyingAt(0, "after") }))).toBe("died");
  const node = await createNode({ dataDir: dir, listen: ["/ip4/127.0.0.1/tcp/0"] });
  await node.stop();
  expect(secretKeyId(join(dir, "root", "fleet-root.key"))).toBe(node.fleet);
});

test("ME6 what was begun for one fleet is not said to be finished where another was made since, and its keys stay", async () => {
  expect(await codeOf(init({ changes: dyingAt(1, "after") }))).toBe("died");
  const journaled = readFileSync(join(rootDir, journal), "utf8");
  // Somebody took the word for it away.
  rmSync(join(dir, mark));
  const other = await init({ rootDir: join(dir, "root") });
  expect(await codeOf(init())).toBe("fleet-mismatch");
  expect(readFileSync(join(rootDir, journal), "utf8")).toBe(journaled);
  expect(journaled).not.toContain(other.fleet);
});

test("ME6 a node starts again where only the word is left that something is unfinished", async () => {
  const whole = await init();
  writeFileSync(join(dir, mark), `${rootDir}\n`);
  await expect(createNode({ dataDir: dir })).rejects.toThrow("broken off");
  expect(await init()).toEqual({ ...whole, status: "present" });
  expect(unfinishedInit(dir)).toBeUndefined();
});

test("ME6 it is finished by its own passphrase only, which stays the one that seals the root's key", async () => {
  const passphrase = "correct horse battery staple";
  expect(await codeOf(init({ passphrase, changes: dyingAt(2, "after") }))).toBe("died");
  expect(await codeOf(init())).toBe("passphrase-wrong");
  expect(await codeOf(init({ passphrase: "another passphrase" }))).toBe("passphrase-wrong");
  expect((await init({ passphrase })).status).toBe("completed");
});

test("ME6 what somebody has put there meanwhile is not overwritten, and a damaged journal is an error", async () => {
  expect(await codeOf(init({ changes: dyingAt(3, "after") }))).toBe("died");
  const own = loadOrCreateKey(join(dir, "issuer.key"));
  expect(await codeOf(init())).toBe("data-dir-unusable");
  expect(loadOrCreateKey(join(dir, "issuer.key"))).toEqual(own);
  rmSync(join(dir, "issuer.key"));
  const path = join(rootDir, journal);
  const text = readFileSync(path, "utf8");
  const good = JSON.parse(text) as { readonly files: readonly object[] };
  const withFile = (changed: object): string =>
    JSON.stringify({ ...good, files: [{ ...good.files[0], ...changed }] });
  for (const bad of [
    "",
    "null",
    "{}",
    text.slice(0, -5),
    JSON.stringify({ ...good, v: 2 }),
    JSON.stringify({ ...good, node: "" }),
    JSON.stringify({ ...good, files: Array.from({ length: 17 }, () => good.files[0]) }),
    withFile({ folder: "home" }),
    withFile({ name: "../node.key" }),
    withFile({ text: 7 }),
  ]) {
    writeFileSync(path, bad);
    await expect(init()).rejects.toThrow(`as ${path} is damaged`);
  }
  writeFileSync(path, text);
  expect((await init()).status).toBe("completed");
  expect(existsSync(join(dir, mark))).toBe(false);
});
