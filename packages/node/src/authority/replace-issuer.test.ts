import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { KEPT_MAX, statementId, dagCborCodec } from "@pulsemesh/core";
import { afterEach, assert, beforeEach, expect, test } from "vitest";
import { codeOf } from "../keys/code-of.test-support.ts";
import { readSecretKey, secretKeyId } from "../keys/secret-file.ts";
import { sha256 } from "../ports/sha256.ts";
import { START_S } from "./enrolment.test-support.ts";
import { dyingAt } from "./dying.test-support.ts";
import { ISSUER_LIFE_MS } from "./fleet-authority.ts";
import { type ReplacedIssuer, rotateIssuer, voidIssuer } from "./replace-issuer.ts";
import { readStatedRoots } from "./root-folder.ts";
import {
  HANDOVER_OFFLINE_S,
  HANDOVER_S,
  HANDOVER_S_MAX,
  nextRootStatement,
} from "./root-statements.ts";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { signToken } from "./sign-token.ts";

const NOW_S = START_S + 100;
/** Journal, statements, the issuer's key, journal away. */
const CHANGES = 4;

let rig: RootRig;
let old: string;
let seed: Uint8Array;
beforeEach(async () => {
  rig = await new RootRig().init();
  const key = await readSecretKey(join(rig.dir, "issuer.key"));
  assert(rig.made.issuer !== undefined);
  old = rig.made.issuer;
  seed = key.seed;
});
afterEach(() => rig.remove());

const rotate = (options: object = {}): Promise<ReplacedIssuer> =>
  rotateIssuer({ rootDir: rig.rootDir, dir: rig.dir, nowS: NOW_S, ...options });

/** A revocation by the old key. */
const revocation = (node: string, issuedS: number): Promise<string> =>
  signToken(
    { kind: "revocation", signer: old, node, reason: "", cuts: [], issuedS },
    seed,
    rig.made.fleet,
  );
const someNode = "12D3KooWBVY9vVNFDVG4JYq8MGAzqgQAkVdZk1Jmb9hTuyeVvjqH";

test("ME2 a new issuer has the bounds of the one before for a year, its key in the node's folder, and signs the charter", async () => {
  const node = rig.node();
  const made = await rotate({ known: node.view.enrolment });
  expect(made).toMatchObject({ status: "signed", number: 2 });
  expect(secretKeyId(join(rig.dir, "issuer.key"))).toBe(made.issuer);
  expect(made.issuer).not.toBe(old);
  const [, second] = readStatedRoots(rig.rootDir);
  const [before] = readStatedRoots(rig.rootDir)[0].claims.issuers;
  expect(second?.claims).toMatchObject({
    charterKey: made.issuer,
    issuers: [{ ...before, key: made.issuer, expS: NOW_S + ISSUER_LIFE_MS / 1_000 }],
    voids: [],
  });
  expect(node.take(made.token)).toBe("ok");
  expect(node.standingOf(rig.made.node)).toBe("granted");
});

test("ME2 P6 what the old issuer signs within HANDOVER_S of the rotation still counts, and nothing later", async () => {
  const node = rig.node();
  node.take((await rotate()).token);
  const last = await revocation(someNode, NOW_S + HANDOVER_S - 1);
  expect(node.take(last)).toBe("ok");
  expect(node.take(await revocation(someNode, NOW_S + HANDOVER_S))).toBe("signer-unknown");
});

test("ME2 where the statement is handed over later, what the old issuer signs until then counts as long as it was said, HANDOVER_S_MAX at most", async () => {
  const [late, day] = [rig.node(), 86_400];
  const { token } = await rotate({ handoverS: HANDOVER_OFFLINE_S });
  const renewed = await revocation(someNode, NOW_S + 2 * day);
  expect(late.take(renewed)).toBe("ok");
  expect(late.take(token)).toBe("ok");
  expect(late.view.revocations).toHaveLength(1);
  const last = await revocation(someNode, NOW_S + HANDOVER_OFFLINE_S - 1);
  expect(late.take(last)).toBe("ok");
  expect(late.take(await revocation(someNode, NOW_S + HANDOVER_OFFLINE_S))).toBe("signer-unknown");
  // What is said next does not shorten that, nor does the new issuer wait for it.
  const after = await rotate({ nowS: NOW_S + 3 * day });
  expect(late.take(after.token)).toBe("ok");
  expect(late.view.revocations).toHaveLength(2);
  expect(late.standingOf(rig.made.node)).toBe("granted");
  for (const handoverS of [HANDOVER_S - 1, HANDOVER_S_MAX + 1, 99.5])
    expect(await codeOf(rotate({ handoverS }))).toBe("option-invalid");
});

test("ME2 where the root was made by a clock ahead, what the old issuer signed then counts after its replacement as before", async () => {
  const node = rig.node();
  const made = await rotate({ nowS: START_S - 7 * 86_400, known: node.view.enrolment });
  expect(node.take(made.token)).toBe("ok");
  expect(node.standingOf(rig.made.node)).toBe("granted");
});

test("ME2 P5 whoever dies at any change of a file finishes the same issuer when he comes back", async () => {
  for (let at = 0; at < CHANGES; at++) {
    for (const when of ["before", "after"] as const) {
      const { length } = readStatedRoots(rig.rootDir);
      expect(await codeOf(rotate({ changes: dyingAt(at, when) }))).toBe("died");
      const again = await rotate();
      const isWhole = at === CHANGES - 1 && when === "after";
      const isBegun = !isWhole && !(at === 0 && when === "before");
      expect([at, when, again.status]).toEqual([at, when, isBegun ? "completed" : "signed"]);
      expect(again.number).toBe(length + (isWhole ? 2 : 1));
      const newest = readStatedRoots(rig.rootDir).at(-1);
      expect(newest?.claims.issuers.map(({ key }) => key)).toEqual([again.issuer]);
    }
  }
});

test("ME2 where the fleet knows more, or the folders are of two fleets, no key is drawn", async () => {
  const before = readFileSync(join(rig.dir, "issuer.key"), "utf8");
  cpSync(rig.rootDir, join(rig.base, "copy"), { recursive: true });
  const { statements } = await nextRootStatement({
    rootDir: rig.rootDir,
    change: { rotate: true },
    nowS: NOW_S,
  });
  const behind = { rootDir: join(rig.base, "copy"), known: statements };
  expect(await codeOf(rotate(behind))).toBe("fleet-mismatch");
  const other = await new RootRig("other-").init();
  expect(await codeOf(rotate({ dir: other.dir }))).toBe("fleet-mismatch");
  expect(await codeOf(rotate({ dir: join(rig.base, "none") }))).toBe("fleet-mismatch");
  expect(readFileSync(join(rig.dir, "issuer.key"), "utf8")).toBe(before);
  other.remove();
});

test("ME2 an issuer whose folder is lost is replaced in the folder of another node, and none that is good is overwritten", async () => {
  const { issuer } = await rotate();
  expect(await codeOf(rotate({ replaces: old }))).toBe("option-invalid");
  rmSync(join(rig.dir, "issuer.key"));
  expect(await codeOf(rotate())).toBe("option-invalid");
  const made = await rotate({ replaces: issuer });
  expect(readStatedRoots(rig.rootDir).at(-1)?.claims).toMatchObject({
    issuers: [{ key: made.issuer }],
    charterKey: made.issuer,
  });
});

test("ME2 a stolen issuer is void, another takes its place in the same statement, and what is kept stays", async () => {
  const node = rig.node();
  const forged = await revocation(someNode, START_S);
  expect(node.take(forged)).toBe("ok");
  const [, , grant = ""] = rig.made.statements;
  const kept = [statementId({ codec: dagCborCodec, hash: { sha256 } }, grant)];
  const { rootDir, dir } = rig;
  const asked = { rootDir, key: old, kept, nowS: NOW_S };
  // Nobody would be left who may issue.
  expect(await codeOf(voidIssuer(asked))).toBe("option-invalid");
  expect(await codeOf(voidIssuer({ ...asked, key: "nobody", dir }))).toBe("option-invalid");
  const made = await voidIssuer({ ...asked, dir, known: node.view.enrolment });
  expect(node.take(made.token)).toBe("ok");
  expect(node.view.revocations).toEqual([]);
  expect(node.standingOf(rig.made.node)).toBe("granted");
  expect(node.view.root).toMatchObject({ voids: [old], charterKey: made.issuer });
  expect(secretKeyId(join(dir, "issuer.key"))).toBe(made.issuer);
  expect(node.take(forged)).toBe("signer-unknown");
});

test("ME2 the charter of a void issuer is signed by another one, whose key is left where it is", async () => {
  const { rootDir, dir } = rig;
  const { issuer } = await rotate();
  assert(issuer !== undefined);
  const [bounds] = readStatedRoots(rootDir)[0].claims.issuers;
  assert(bounds !== undefined);
  const stolen = { ...bounds, key: rig.made.fleet };
  const change = { name: [stolen], charterKey: stolen.key };
  await nextRootStatement({ rootDir, change, nowS: NOW_S });
  const asked = { rootDir, key: stolen.key, kept: [], nowS: NOW_S };
  // The folder has a good issuer.
  expect(await codeOf(voidIssuer({ ...asked, dir }))).toBe("option-invalid");
  const made = await voidIssuer(asked);
  const newest = readStatedRoots(rootDir).at(-1);
  expect(newest?.claims).toMatchObject({ charterKey: issuer, issuers: [{ key: issuer }] });
  expect(made.issuer).toBeUndefined();
  // One that is named no more may be found stolen later.
  await voidIssuer({ ...asked, key: old });
  expect(
    readStatedRoots(rootDir)
      .at(-1)
      ?.claims.voids.map(({ key }) => key),
  ).toEqual([old]);
});

test("CLI47, P6 who keeps more than KEPT_MAX statements of a void issuer reads how many are too many, and nothing is changed", async () => {
  const kept = Array.from({ length: KEPT_MAX + 3 }, (_, i) => i.toString(16).padStart(64, "0"));
  const asked = { rootDir: rig.rootDir, dir: rig.dir, nowS: NOW_S, key: old };
  const before = readdirSync(rig.rootDir);
  await expect(voidIssuer({ ...asked, kept })).rejects.toMatchObject({
    code: "option-invalid",
    message: expect.stringMatching(/keep 259 .* keeps 256\. Nothing was changed; take 3 out/),
  });
  expect(readdirSync(rig.rootDir)).toEqual(before);
  expect(await voidIssuer({ ...asked, kept: kept.slice(0, KEPT_MAX) })).toMatchObject({
    number: 2,
  });
});
