/** Whoever finishes what was broken off learns whether that is what he has asked for (rules ME6, CLI47). */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, assert, beforeEach, expect, test } from "vitest";
import { codeOf } from "../keys/code-of.test-support.ts";
import { dyingAt } from "./dying.test-support.ts";
import { START_S } from "./enrolment.test-support.ts";
import { rotateIssuer, voidIssuer } from "./replace-issuer.ts";
import { nextRootStatement } from "./root-statements.ts";
import { RootRig } from "../../../../test/support/root-rig.ts";

let rig: RootRig;
let issuer: string;
beforeEach(async () => {
  rig = await new RootRig().init();
  assert(rig.made.issuer !== undefined);
  issuer = rig.made.issuer;
});
afterEach(() => rig.remove());

const nowS = START_S + 100;
const change = { rotate: true };
/** The first of its changes of files is on disk. */
const broken = (): object => ({ changes: dyingAt(1, "before") });
type Asked = (options?: object) => Promise<{ readonly isAsked: boolean; readonly status: string }>;

const rotate: Asked = (options) =>
  nextRootStatement({ rootDir: rig.rootDir, change, nowS, ...options });
const answer: Asked = (options) => rotate({ isStolen: true, isForged: true, ...options });
const replace: Asked = (options) =>
  rotateIssuer({ rootDir: rig.rootDir, dir: rig.dir, nowS, ...options });
const replaceThat: Asked = (options) => replace({ replaces: issuer, ...options });
const renounce: Asked = (options) => {
  const place = { rootDir: rig.rootDir, dir: rig.dir, nowS };
  return voidIssuer({ ...place, key: issuer, kept: [], ...options });
};
const renounceMost: Asked = (options) => renounce({ kept: ["ab".repeat(32)], ...options });
const renounceHere: Asked = (options) => renounce({ dir: undefined, ...options });

test.each<[string, Asked, string, Asked, boolean]>([
  ["a rotation", rotate, "the same", rotate, true],
  ["a rotation", rotate, "a new issuer", replace, false],
  ["an answer to a theft", answer, "a rotation", rotate, true],
  ["a new issuer", replace, "the same", replace, true],
  ["a new issuer", replace, "the same by its name", replaceThat, true],
  ["a new issuer", replace, "the void of the old one", renounce, false],
  ["a new issuer", replace, "a rotation", rotate, false],
  ["a void", renounce, "the same", renounce, true],
  ["a void", renounce, "one without a new issuer", renounceHere, false],
  ["a void", renounce, "a new issuer", replace, false],
])(
  "ME6 where %s was broken off, whoever asks for %s instead is told whether it was done",
  async (_, begun, __, asked, isDone) => {
    expect(await codeOf(begun(broken()))).toBe("died");
    expect(await asked()).toMatchObject({ status: "completed", isAsked: isDone });
  },
);

test("ME6 where a rotation was broken off, whoever makes a key void instead is told that it is not", async () => {
  expect(await codeOf(rotate(broken()))).toBe("died");
  expect(await renounce()).toMatchObject({ status: "completed", isAsked: false });
  expect(await renounce()).toMatchObject({ status: "signed", isAsked: true });
});

test("ME6 where a void was broken off, whoever keeps other statements of that key is told that it was not done", async () => {
  expect(await codeOf(renounce(broken()))).toBe("died");
  expect(await renounceMost()).toMatchObject({ status: "completed", isAsked: false });
});

test("ME6 a rotation alone that was broken off answers no theft of what the key has signed before", async () => {
  await nextRootStatement({ rootDir: rig.rootDir, change: {}, nowS });
  expect(await codeOf(rotate(broken()))).toBe("died");
  expect(await answer()).toMatchObject({ status: "completed", isAsked: false });
  expect(await codeOf(answer(broken()))).toBe("died");
  expect(await answer()).toMatchObject({ status: "completed", isAsked: true });
});

test("ME6 what was broken off for one node's folder is not done for another's", async () => {
  expect(await codeOf(replace(broken()))).toBe("died");
  const other = join(rig.base, "other");
  mkdirSync(other, { mode: 0o700 });
  writeFileSync(join(other, "fleet.json"), JSON.stringify({ fleet: rig.made.fleet }));
  expect(await replaceThat({ dir: other })).toMatchObject({ isAsked: false });
  rmSync(other, { recursive: true });
});
