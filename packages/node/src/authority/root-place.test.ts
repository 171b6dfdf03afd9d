import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeOf } from "../keys/code-of.test-support.ts";
import { dyingAt } from "./dying.test-support.ts";
import { START_S } from "./enrolment.test-support.ts";
import { createFleetAuthority } from "./fleet-authority.ts";
import { initFleet } from "./join-fleet.ts";
import { refuseUnmounted } from "./mount-place.ts";
import { rootFolderAmong } from "./root-folder.ts";
import { checkRootPlace } from "./root-place.ts";

let base: string;
let dir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "pulsemesh-place-"));
  dir = join(base, "data");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const place = (rootDir: string): void => checkRootPlace({ dir, rootDir });
const fleetWith = (rootDir: string, options: object = {}): ReturnType<typeof initFleet> =>
  initFleet({ dir, rootDir, region: "eu", nowS: START_S, ...options });
const literally = (text: string): string => text.replaceAll(/\W/g, String.raw`\$&`);
const refused = (code: string, ...parts: readonly string[]): unknown =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(parts.map(literally).join(".*"))),
  });

test("ME6 one folder is made for the root's keys; where several are missing the first one is named, and nothing is made", async () => {
  const stick = join(base, "media", "stick");
  const parts = [`there is no ${join(base, "media")}.`, "mount it", `mkdir -p ${stick}`];
  const failed = await fleetWith(join(stick, "root")).catch((error: unknown) => error);
  expect(failed).toEqual(refused("data-dir-unusable", ...parts));
  expect(readdirSync(base)).toEqual([]);
  mkdirSync(stick, { recursive: true });
  expect(await fleetWith(join(stick, "root"))).toMatchObject({ status: "created" });
  expect(readdirSync(join(stick, "root"))).toContain("fleet-root.key");
});

test("ME6 beside the node's folder, or in it, folders are made as for the node itself", async () => {
  dir = join(base, "state", "pulsemesh");
  expect(await fleetWith(`${dir}-root`)).toMatchObject({ status: "created" });
  dir = join(base, "other", "pulsemesh");
  expect(await fleetWith(join(dir, "root"))).toMatchObject({ status: "created" });
});

test("ME6 a folder among mount points is not made where no disk is mounted; whoever means it makes it", () => {
  const stick = join(base, "stick");
  const none = refused("data-dir-unusable", "no disk is mounted there", "mkdir -m 700 ");
  // The mount point itself, of a stick that takes it away with it.
  expect(() => refuseUnmounted(stick, [base])).toThrow(none);
  mkdirSync(stick);
  refuseUnmounted(stick, [base]);
  // One that stays, and is empty.
  expect(() => refuseUnmounted(join(stick, "root"), [base])).toThrow(none);
  symlinkSync(stick, join(base, "link"));
  expect(() => refuseUnmounted(join(base, "link", "root"), [stick])).toThrow(none);
  refuseUnmounted(join(stick, "root"), [join(base, "elsewhere")]);
});

test.skipIf(!existsSync("/proc/self"))(
  "ME6 where a disk is mounted, at a mount point or in place of all of them, a folder may be made",
  () => {
    refuseUnmounted("/proc/root-keys", ["/proc"]);
    refuseUnmounted("/proc/sys/root-keys", ["/proc"]);
  },
);

test.each([0o777, 0o775, 0o1777, 0o702])(
  "ME6 a folder of mode %o, in which others could replace the root's keys, is refused with what to type",
  async (mode) => {
    const root = join(base, "root");
    mkdirSync(root);
    chmodSync(root, mode);
    expect(await fleetWith(root).catch((error: unknown) => error)).toEqual(
      refused("data-dir-unusable", "others on this machine may write there", `chmod 700 ${root}`),
    );
    expect([readdirSync(base), readdirSync(root)]).toEqual([["root"], []]);
    // That others see which keys are there harms nobody: each is its owner's to read.
    chmodSync(root, 0o755);
    expect(await fleetWith(root)).toMatchObject({ status: "created" });
  },
);

test("ME6 in the node's folder the root's keys go to its own 'root' and nowhere else: they would go with every copy", () => {
  symlinkSync(base, join(base, "here"));
  // Before the folder is there, and afterwards.
  for (let times = 0; times < 2; times += 1) {
    for (const name of ["", "x", "root/x", "rooted", "../here/data", "../here/data/x"])
      expect(() => place(join(dir, name))).toThrow(refused("option-invalid", dir));
    place(join(dir, "root"));
    place(join(base, "database"));
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  symlinkSync(dir, join(base, "link"));
  for (const name of ["link", "link/x"])
    expect(() => place(join(base, name))).toThrow(refused("option-invalid", dir));
});

test("ME6 what an earlier release has begun in another folder of the node's is finished there", async () => {
  const rootDir = join(dir, "keys");
  const asked = { dir, rootDir, region: "eu", nowS: START_S };
  expect(await codeOf(createFleetAuthority({ ...asked, changes: dyingAt(1, "after") }))).toBe(
    "died",
  );
  expect(await codeOf(fleetWith(join(dir, "other")))).toBe("option-invalid");
  expect(await fleetWith(rootDir)).toMatchObject({ status: "completed" });
});

test("CFG13, ME6 a fleet is not made in a folder that no start would take, unless it is shared on purpose", async () => {
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  const root = join(base, "root");
  expect(await codeOf(fleetWith(root))).toBe("data-dir-open");
  expect([readdirSync(base), readdirSync(dir)]).toEqual([["data"], []]);
  expect(await fleetWith(root, { sharedData: true })).toMatchObject({ status: "created" });
});

test("ME6 where the root's keys are is said of the folder that holds those of this fleet", async () => {
  const [root, other] = [join(base, "root"), join(base, "other")];
  const { fleet } = await fleetWith(root);
  dir = join(base, "other-data");
  await fleetWith(other);
  expect(rootFolderAmong([join(base, "none"), other, root], fleet)).toBe(root);
  rmSync(join(root, "root-statements.json"));
  expect(rootFolderAmong([other, root], fleet)).toBeUndefined();
});
