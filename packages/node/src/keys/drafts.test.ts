import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createNode } from "../create-node.ts";
import { codeOf } from "./code-of.test-support.ts";
import { makeOpenFleet } from "./open-fleet.test-support.ts";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { DRAFT_OLD_MS, oldDrafts, removeOldDrafts } from "./drafts.ts";
import { writePrivateFile } from "./private-file.ts";

const hex = "0123456789ab";
const nowWallMs = Date.UTC(2027, 0, 1);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-drafts-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function leave(name: string, ageMs: number, now: number = nowWallMs): string {
  const path = join(dir, name);
  writeFileSync(path, "secret");
  utimesSync(path, (now - ageMs) / 1_000, (now - ageMs) / 1_000);
  return path;
}

test("ME6 P6 a draft older than DRAFT_OLD_MS is taken away, a younger one may be somebody's", () => {
  const old = leave(`node.key.${hex}`, DRAFT_OLD_MS + 1_000);
  leave(`issuer.key.${hex}`, DRAFT_OLD_MS);
  leave(`fleet.json.${hex}`, -DRAFT_OLD_MS);
  expect(oldDrafts(dir, nowWallMs)).toEqual([old]);
  expect(removeOldDrafts(dir, nowWallMs)).toEqual([old]);
  expect(readdirSync(dir)).toHaveLength(2);
  expect(removeOldDrafts(join(dir, "none"), nowWallMs)).toEqual([]);
});

test("ME6 nothing but drafts is taken away, whatever it is called", () => {
  const ageMs = 2 * DRAFT_OLD_MS;
  const kept = [
    "node.key",
    `node.key.${hex}0`,
    `node.key.${hex.toUpperCase()}`,
    `node.key.${hex}.bak`,
    `Notes.key.${hex}`,
    `state.yaml.${hex}`,
    `.${hex}`,
  ];
  for (const name of kept) leave(name, ageMs);
  mkdirSync(join(dir, `audit.key.${hex}`));
  symlinkSync(join(dir, "node.key"), join(dir, `cosign.key.${hex}`));
  const drafts = [`audit.json.${hex}`, `fleet-init-unfinished.${hex}`].map((name) =>
    leave(name, ageMs),
  );
  expect(removeOldDrafts(dir, nowWallMs).toSorted()).toEqual(drafts);
  expect(readdirSync(dir)).toHaveLength(kept.length + 2);
});

test("ME6 a node that starts takes away what was left in its directory, also where the start fails then", async () => {
  const dataDir = join(dir, "data");
  mkdirSync(dataDir, { mode: 0o700 });
  makeOpenFleet(dataDir);
  const left = leave(join("data", `node.key.${hex}`), 2 * DRAFT_OLD_MS, Date.now());
  const { fleet } = await new RootRig("other-").init().then((rig) => {
    rig.remove();
    return rig.made;
  });
  expect(await codeOf(createNode({ dataDir, fleet }))).toBe("fleet-mismatch");
  expect(existsSync(left)).toBe(false);
});

test("ME6 who writes a file takes its own old drafts away, and no others", () => {
  const own = leave(`issuer.key.${hex}`, 2 * DRAFT_OLD_MS, Date.now());
  const other = leave(`node.key.${hex}`, 2 * DRAFT_OLD_MS, Date.now());
  writePrivateFile(join(dir, "issuer.key"), "new");
  expect([own, other].map((path) => existsSync(path))).toEqual([false, true]);
});
