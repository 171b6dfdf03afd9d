import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { withFolderClaim } from "../keys/folder-claim.ts";
import { readSecretKey, secretKeyId } from "../keys/secret-file.ts";
import { dyingAt } from "./dying.test-support.ts";
import { START_S } from "./enrolment.test-support.ts";
import { privateFileChanges } from "./init-journal.ts";
import { rotateIssuer, type RotateIssuerOptions, voidIssuer } from "./replace-issuer.ts";
import { nextRootStatement } from "./root-statements.ts";
import { sealIssuer } from "./seal-issuer.ts";

const passphrase = "correct horse battery";
const other = "another passphrase";

let rig: RootRig;
let path: string;
beforeEach(async () => {
  rig = await new RootRig().init();
  path = join(rig.dir, "issuer.key");
});
afterEach(() => rig.remove());

const seal = (options: object = {}): ReturnType<typeof sealIssuer> =>
  sealIssuer({ dir: rig.dir, passphrase, ...options });
const text = (): string => readFileSync(path, "utf8");
const isSealed = (): boolean => text().includes("scrypt");
const rotate = (options: Partial<RotateIssuerOptions> = {}): ReturnType<typeof rotateIssuer> =>
  rotateIssuer({ rootDir: rig.rootDir, dir: rig.dir, nowS: START_S + 100, ...options });

const rotateRoot = (): ReturnType<typeof nextRootStatement> =>
  nextRootStatement({ rootDir: rig.rootDir, change: { rotate: true }, nowS: START_S + 100 });

test("ME6 an issuer's key is sealed where it is, once, and is the same key", async () => {
  const { seed } = await readSecretKey(path);
  writeFileSync(`${path}.0123456789ab`, text());
  expect(await seal()).toEqual({ status: "sealed", issuer: rig.made.issuer });
  expect([isSealed(), secretKeyId(path)]).toEqual([true, rig.made.issuer]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  // Nor does a draft of before hold it as it was, or a claim stay.
  const left = readdirSync(rig.dir).filter((name) => /^(?:issuer\.key.|claim-)/.test(name));
  expect(left).toEqual([]);
  expect((await readSecretKey(path, passphrase)).seed).toEqual(seed);
  expect(await codeOf(readSecretKey(path))).toBe("passphrase-wrong");
  const held = text();
  expect(await seal()).toEqual({ status: "present", issuer: rig.made.issuer });
  expect(text()).toBe(held);
});

test("ME6 what cannot be sealed stays as it is, and is told by its code", async () => {
  const open = text();
  expect(await codeOf(seal({ passphrase: "short" }))).toBe("option-invalid");
  chmodSync(path, 0o644);
  expect(await codeOf(seal())).toBe("data-dir-open");
  chmodSync(path, 0o600);
  expect(await codeOf(withFolderClaim(rig.dir, seal))).toBe("store-locked");
  expect(text()).toBe(open);
  await seal({ passphrase: other });
  const held = text();
  expect(await codeOf(seal())).toBe("passphrase-wrong");
  expect(text()).toBe(held);
  writeFileSync(path, "no key");
  expect(await codeOf(seal())).toBe("data-dir-unusable");
  rmSync(path);
  expect(await codeOf(seal())).toBe("data-dir-unusable");
  expect(await codeOf(seal({ dir: join(rig.base, "none") }))).toBe("data-dir-unusable");
  writeFileSync(join(rig.dir, "fleet-init-unfinished"), `${rig.rootDir}\n`);
  expect(await codeOf(seal())).toBe("data-dir-unusable");
});

test("ME6 P5 whoever dies while he seals finds the key as it was or sealed, and finishes when he comes back", async () => {
  const { seed } = await readSecretKey(path);
  for (const when of ["before", "after"] as const) {
    expect(await codeOf(seal({ changes: dyingAt(0, when) }))).toBe("died");
    expect([when, isSealed()]).toEqual([when, when === "after"]);
    expect((await readSecretKey(path, passphrase)).seed).toEqual(seed);
  }
  expect(await seal()).toMatchObject({ status: "present" });
  await expect(
    seal({ changes: { ...privateFileChanges, write: () => expect.unreachable() } }),
  ).resolves.toMatchObject({ status: "present" });
});

test("ME6 ME2 a sealed issuer's key is followed by one that is sealed as well, and by none that is not", async () => {
  await seal();
  const held = text();
  expect(await codeOf(rotate())).toBe("option-invalid");
  const asked = { rootDir: rig.rootDir, dir: rig.dir, nowS: START_S + 100, kept: [] };
  const key = rig.made.issuer ?? "";
  expect(await codeOf(voidIssuer({ ...asked, key }))).toBe("option-invalid");
  expect(text()).toBe(held);
  // The passphrase of the old one may be lost.
  const made = await rotate({ issuerPassphrase: other });
  expect([isSealed(), secretKeyId(path)]).toEqual([true, made.issuer]);
  expect(made.issuer).not.toBe(rig.made.issuer);
  await readSecretKey(path, other);
  const next = await voidIssuer({ ...asked, key: made.issuer ?? "", issuerPassphrase: passphrase });
  expect(secretKeyId(path)).toBe(next.issuer);
  await readSecretKey(path, passphrase);
});

test("ME6 P5 a key that is sealed while its replacement is half made is followed by one that is sealed as well, and hinders nobody with a passphrase from finishing", async () => {
  for (const at of [1, 3]) {
    expect(await codeOf(rotate({ changes: dyingAt(at, "before") }))).toBe("died");
    const { status, issuer } = await seal();
    expect(status).toBe("sealed");
    const held = text();
    // The new one was written before it was sealed.
    const isNew = issuer !== rig.made.issuer;
    expect(isNew).toBe(at === 3);
    if (!isNew) {
      for (const finish of [rotate, rotateRoot])
        expect(await codeOf(finish())).toBe("option-invalid");
      expect(text()).toBe(held);
      // He dies once more, with the new one on disk.
      const changes = dyingAt(1, "after");
      expect(await codeOf(rotate({ issuerPassphrase: other, changes }))).toBe("died");
    }
    const made = await rotate();
    expect(made.status).toBe("completed");
    expect([isSealed(), secretKeyId(path)]).toEqual([true, made.issuer]);
    expect(made.issuer).not.toBe(rig.made.issuer);
    await readSecretKey(path, isNew ? passphrase : other);
    expect(existsSync(rig.path("root-change.json"))).toBe(false);
    rig.remove();
    rig = await new RootRig().init();
    path = join(rig.dir, "issuer.key");
  }
});

test("ME6 P5 one process at a time changes the folder of a node: an issuer's key is not replaced while it is being sealed", async () => {
  const held = text();
  expect(await codeOf(withFolderClaim(rig.dir, () => rotate()))).toBe("store-locked");
  expect(text()).toBe(held);
  expect((await rotate()).status).toBe("signed");
});
