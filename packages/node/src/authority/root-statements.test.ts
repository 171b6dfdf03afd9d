import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issuer, RootClaims } from "@pulsemesh/core";
import { afterEach, assert, beforeEach, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { readSecretKey, secretKeyId } from "../keys/secret-file.ts";
import { dyingAt } from "./dying.test-support.ts";
import { readStatements, writeStatements } from "./authority-file.ts";
import { START_S } from "./enrolment.test-support.ts";
import { createFleetAuthority } from "./fleet-authority.ts";
import { readStatedRoots, statedRoot } from "./root-folder.ts";
import type { RootChange } from "./root-deed.ts";
import { type NextRoot, nextRootStatement } from "./root-statements.ts";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { signToken } from "./sign-token.ts";

const NOW_S = START_S + 100;
/** Journal, two keys, statements, journal away. */
const CHANGES = 5;
const passphrase = "correct horse battery";

let rig: RootRig;
beforeEach(async () => {
  rig = await new RootRig().init();
});
afterEach(() => rig.remove());

const next = (change: RootChange, options: object = {}): Promise<NextRoot> =>
  nextRootStatement({ rootDir: rig.rootDir, change, nowS: NOW_S, ...options });

/** Whoever has copied the root's key at the beginning, and signs what suits him upon number 1. */
async function thiefSigns(claims: Partial<RootClaims> = {}): Promise<string> {
  const [first] = readStatedRoots(rig.rootDir);
  const key = await readSecretKey(rig.path("fleet-root.key"));
  const own = encodeBase32(keyFromSeed(generateSeed()).publicKey);
  const signer = encodeBase32(key.publicKey);
  const said = {
    ...first.claims,
    signer,
    number: 2,
    previous: first.id,
    charterKey: own,
    ...claims,
  };
  return signToken(said, key.seed, rig.made.fleet);
}

/** With the key that he took, upon number 1. */
let stolen: Uint8Array;
beforeEach(async () => {
  stolen = (await readSecretKey(rig.path("fleet-root.key"))).seed;
});
async function thiefSignsAs(issuedS: number): Promise<string> {
  const [first] = readStatedRoots(rig.rootDir);
  const said = { ...first.claims, number: 2, previous: first.id, issuedS };
  return signToken(said, stolen, rig.made.fleet);
}

const newIssuer = (): Issuer => ({
  key: encodeBase32(keyFromSeed(generateSeed()).publicKey),
  expS: START_S + 86_400,
  roles: ["robot"],
  robots: ["zap-*"],
});

test("ME2 a rotation is signed by the committed key, which stands in the old one's place, and a new one is drawn", async () => {
  const committed = secretKeyId(rig.path("fleet-root-next.key"));
  const node = rig.node();
  for (const number of [2, 3, 4]) {
    const due = secretKeyId(rig.path("fleet-root-next.key"));
    const made = await next({ rotate: true }, { known: node.view.enrolment });
    expect(made).toMatchObject({ status: "signed", number, fleet: rig.made.fleet });
    expect(node.take(made.token)).toBe("ok");
    expect(node.view.root).toMatchObject({ number, key: due, id: made.id });
    expect(secretKeyId(rig.path("fleet-root.key"))).toBe(due);
    expect(secretKeyId(rig.path("fleet-root-next.key"))).not.toBe(due);
    expect(readStatements(rig.path("root-statements.json"))).toEqual(made.statements);
  }
  expect(readStatedRoots(rig.rootDir)[1]?.claims.signer).toBe(committed);
  expect(node.standingOf(rig.made.node)).toBe("granted");
  expect(node.view.disputedRoots).toEqual([]);
});

test("ME2 what a thief signs with the old root key loses against the rotation, whenever it comes", async () => {
  const late = await thiefSigns();
  const early = rig.node();
  expect(early.take(late)).toBe("ok");
  const { token } = await next({ rotate: true });
  const node = rig.node();
  for (const judge of [node, early])
    for (const one of [token, late]) expect(judge.take(one)).toBe("ok");
  expect(node.view.root?.id).toBe(early.view.root?.id);
  expect(node.view).toMatchObject({ root: { number: 2 }, disputedRoots: [2] });
  expect(node.view.root?.key).toBe(secretKeyId(rig.path("fleet-root.key")));
});

test("ME2 the rotation that answers a theft takes the place of all that the stolen key may outdo, and says it again", async () => {
  const issuer = newIssuer();
  await next({ name: [issuer] });
  await next({ voids: [{ key: issuer.key, kept: [] }] });
  const stays = newIssuer();
  const before = await next({ name: [stays] });
  const node = rig.node();
  for (const token of before.statements.slice(1)) expect(node.take(token)).toBe("ok");
  // One of the two ids is the smaller one: he tries until his is.
  for (let at = 0; node.view.root?.number === 4; at++) node.take(await thiefSigns({ issuedS: at }));
  const known = node.view.enrolment;
  expect(await codeOf(next({ name: [newIssuer()] }, { known }))).toBe("fleet-mismatch");
  expect(await codeOf(next({ rotate: true }, { known }))).toBe("fleet-mismatch");
  expect(await codeOf(next({}, { known, isStolen: true, isForged: true }))).toBe("option-invalid");
  const made = await next({ rotate: true }, { known, isStolen: true, isForged: true });
  // One that names who is void, so that what is kept of him counts, and one that does not.
  expect(made).toMatchObject({ number: 3 });
  for (const token of made.statements.slice(1)) expect(node.take(token)).toBe("ok");
  expect(node.view.root).toMatchObject({ id: made.id, voids: [issuer.key] });
  expect(node.view.root?.issuers.map(({ key }) => key)).toEqual([rig.made.issuer, stays.key]);
  // And nothing that he can still sign changes that.
  for (let at = 0; at < 20; at++) node.take(await thiefSignsAs(at));
  expect(node.view.root?.id).toBe(made.id);
});

test("ME2 a theft is answered for good, so not with a folder that lacks what the fleet has, unless nobody of us has signed that", async () => {
  const copy = join(rig.base, "copy");
  cpSync(rig.rootDir, copy, { recursive: true });
  const issuer = newIssuer();
  const { statements: known } = await next({ name: [issuer] });
  const stale = (options: object = {}): Promise<NextRoot> =>
    next({ rotate: true }, { rootDir: copy, known, isStolen: true, ...options });
  expect(await codeOf(stale())).toBe("fleet-mismatch");
  await expect(stale()).rejects.toThrow(
    new RegExp(`number 2 of .*, which names .*${issuer.key}.* take the copy .*--forged`),
  );
  expect(readStatedRoots(copy)).toHaveLength(1);
  expect(await stale({ isForged: true })).toMatchObject({ number: 2 });
  // The folder that holds all of it needs no such word.
  expect(await next({ rotate: true }, { known, isStolen: true })).toMatchObject({ number: 2 });
});

test("ME2 a theft is answered by nobody who has not asked what the fleet has, and does not say that nothing is lost by it", async () => {
  await next({ name: [newIssuer()] });
  expect(await codeOf(next({ rotate: true }, { isStolen: true }))).toBe("option-invalid");
  const asked = next({ rotate: true }, { isStolen: true });
  await expect(asked).rejects.toThrow(/undone for good.*--known.*--forged/);
  expect(readStatedRoots(rig.rootDir)).toHaveLength(2);
  expect(await next({ rotate: true }, { isStolen: true, isForged: true })).toMatchObject({
    number: 2,
  });
});

test("ME2 what a thief signs beside a statement that a rotation stands upon is no news to the folder", async () => {
  const second = await next({ name: [newIssuer()] });
  const bad = await smallerThan(second.id);
  const known = [...rig.made.statements.slice(0, 1), bad];
  expect(await codeOf(next({ rotate: true }, { known }))).toBe("fleet-mismatch");
  expect(await next({ rotate: true })).toMatchObject({ number: 3 });
  expect(await next({ rotate: true }, { known })).toMatchObject({ number: 4 });
});

test("ME2 what a thief signs beside a rotation is no news to the folder, though its id is the smaller one", async () => {
  const [first = ""] = rig.made.statements;
  const { id } = await next({ rotate: true });
  const known = [first, await smallerThan(id)];
  expect(await codeOf(next({ rotate: true }, { known }))).toBe("none");
  expect(readStatedRoots(rig.rootDir)).toHaveLength(3);
});

/** One of the thief's that stands before `id`, as nothing else tells them apart. */
async function smallerThan(id: string): Promise<string> {
  for (let at = 0; ; at++) {
    const token = await thiefSignsAs(at);
    const { claims } = readStatedRoots(rig.rootDir)[0];
    if (statedRoot(token, claims).id < id) return token;
  }
}

test("ME2 a folder that is behind signs nothing, and says what to do", async () => {
  cpSync(rig.rootDir, join(rig.base, "copy"), { recursive: true });
  const rotated = await next({ rotate: true });
  const behind = { rootDir: join(rig.base, "copy"), known: rotated.statements };
  for (const options of [behind, { ...behind, isStolen: true }]) {
    const asked = next({ rotate: true }, options);
    await expect(asked).rejects.toThrow(/number 2.*take the copy of the folder with which/);
    expect(await codeOf(next({ rotate: true }, options))).toBe("fleet-mismatch");
  }
  expect(readStatedRoots(behind.rootDir)).toHaveLength(1);
  // What the fleet does not know yet, or is not of this fleet, is no news.
  const other = await new RootRig("other-").init();
  const known = [...rig.made.statements, ...other.made.statements, "no.token.here"];
  expect(await next({ rotate: true }, { known })).toMatchObject({ number: 3 });
  const asked = { fleet: other.made.fleet };
  expect(await codeOf(next({ rotate: true }, asked))).toBe("fleet-mismatch");
  other.remove();
});

test("ME1 issuers are named, prolonged and dropped, and the charter's key is one of theirs", async () => {
  const node = rig.node();
  const [one, first] = [newIssuer(), rig.made.issuer];
  assert(first !== undefined);
  const say = async (change: RootChange): Promise<void> => {
    const { token } = await next(change, { known: node.view.enrolment });
    expect(node.take(token)).toBe("ok");
  };
  await say({ name: [one] });
  expect(node.view.root?.issuers.map(({ key }) => key)).toEqual([first, one.key]);
  await say({ name: [{ ...one, expS: START_S + 7 * 86_400 }] });
  expect(node.view.root?.issuers[1]).toMatchObject({ key: one.key, expS: START_S + 7 * 86_400 });
  for (const change of [
    { drop: [first] },
    { drop: [first, one.key] },
    { drop: ["nobody"] },
    { charterKey: "nobody" },
  ])
    expect(await codeOf(next(change))).toBe("option-invalid");
  await say({ drop: [first], charterKey: one.key });
  expect(node.view.root).toMatchObject({ issuers: [{ key: one.key }], charterKey: one.key });
  // What the dropped one has signed stays.
  expect(node.standingOf(rig.made.node)).toBe("granted");
});

test("ME2 a void issuer's statements count no more but for those that are kept, and it is never named again", async () => {
  const one = newIssuer();
  const first = rig.made.issuer;
  assert(first !== undefined);
  const grant = rig.made.statements[2];
  assert(grant !== undefined);
  const { id } = statedRoot(grant, readStatedRoots(rig.rootDir)[0].claims);
  const change = { name: [one], charterKey: one.key };
  cpSync(rig.rootDir, join(rig.base, "copy"), { recursive: true });
  for (const [kept, rootDir, standing] of [
    [[id], rig.rootDir, "granted"],
    [[], join(rig.base, "copy"), undefined],
  ] as const) {
    const node = rig.node();
    const { token } = await next({ ...change, voids: [{ key: first, kept }] }, { rootDir });
    expect(node.take(token)).toBe("ok");
    expect(node.standingOf(rig.made.node)).toBe(standing);
    expect(node.view.root?.voids).toEqual([first]);
  }
  const again = { key: first, expS: one.expS, roles: one.roles, robots: one.robots };
  expect(await codeOf(next({ name: [again] }))).toBe("option-invalid");
});

test("ME6 P5 whoever dies at any change of a file finishes the same statement when he comes back", async () => {
  for (let at = 0; at < CHANGES; at++) {
    for (const when of ["before", "after"] as const) {
      const held = readStatedRoots(rig.rootDir);
      expect(await codeOf(next({ rotate: true }, { changes: dyingAt(at, when) }))).toBe("died");
      const begun = existsSync(rig.path("root-change.json"));
      const again = await next({ rotate: true });
      expect([at, when, again.status]).toEqual([at, when, begun ? "completed" : "signed"]);
      // Died behind the last change: it was whole, and the repeated one is one more.
      const isWhole = at === CHANGES - 1 && when === "after";
      expect(again.number).toBe(held.length + (isWhole ? 2 : 1));
      expect(readdirSync(rig.rootDir).toSorted()).toEqual([
        "fleet-root-next.key",
        "fleet-root.key",
        "root-statements.json",
      ]);
      const newest = readStatedRoots(rig.rootDir).at(-1);
      expect(newest?.claims.signer).toBe(secretKeyId(rig.path("fleet-root.key")));
    }
  }
  const node = rig.node();
  for (const { token } of readStatedRoots(rig.rootDir)) expect(node.take(token)).toBe("ok");
  expect(node.view.root?.number).toBe(2 * CHANGES + 2);
});

test("ME6 the root's keys stay sealed through a rotation, and whoever has no passphrase changes nothing", async () => {
  const sealed = await new RootRig("sealed-").init(passphrase);
  const options = { rootDir: sealed.rootDir };
  expect(await codeOf(next({ rotate: true }, options))).toBe("passphrase-wrong");
  expect(await next({ rotate: true }, { ...options, passphrase })).toMatchObject({ number: 2 });
  for (const name of ["fleet-root.key", "fleet-root-next.key"]) {
    expect(readFileSync(sealed.path(name), "utf8")).toContain("scrypt");
    await readSecretKey(sealed.path(name), passphrase);
  }
  sealed.remove();
  // And those that were not are from now on.
  await next({ rotate: true }, { passphrase });
  for (const name of ["fleet-root.key", "fleet-root-next.key"])
    expect(readFileSync(rig.path(name), "utf8")).toContain("scrypt");
});

test("ME6 a folder without statements, with damaged ones or with other keys signs nothing", async () => {
  expect(await codeOf(next({ rotate: true }, { rootDir: join(rig.base, "none") }))).toBe(
    "data-dir-unusable",
  );
  expect(await codeOf(next({ rotate: true }, { rootDir: rig.dir }))).toBe("data-dir-unusable");
  const path = rig.path("root-statements.json");
  const whole = readFileSync(path, "utf8");
  const second = await thiefSigns();
  const [first = ""] = readStatements(path) ?? [];
  const bad = [[], [second], [first, first], [first, "x.y.z"], [...rig.made.statements]];
  for (const tokens of bad) {
    writeFileSync(path, writeStatements(tokens));
    expect(await codeOf(next({ rotate: true }))).toBe("data-dir-unusable");
  }
  writeFileSync(path, whole);
  const key = readFileSync(rig.path("fleet-root.key"));
  cpSync(rig.path("fleet-root-next.key"), rig.path("fleet-root.key"));
  expect(await codeOf(next({ name: [newIssuer()] }))).toBe("data-dir-unusable");
  writeFileSync(rig.path("fleet-root.key"), key);
  writeFileSync(rig.path("root-change.json"), "{");
  expect(await codeOf(next({ rotate: true }))).toBe("data-dir-unusable");
});

test("ME6 init in a folder whose root has rotated makes no second authority", async () => {
  await next({ rotate: true });
  const { dir, rootDir } = rig;
  const again = { rootDir, region: "eu", nowS: NOW_S };
  expect(await createFleetAuthority({ ...again, dir })).toMatchObject({ status: "present" });
  const elsewhere = createFleetAuthority({ ...again, dir: join(rig.base, "elsewhere") });
  expect(await codeOf(elsewhere)).toBe("fleet-mismatch");
});

test("ME6 of two that sign with the root's keys at once one is told so, and nothing of the other's is lost", async () => {
  const codes = await Promise.all([codeOf(next({ rotate: true })), codeOf(next({ rotate: true }))]);
  expect(codes.toSorted()).toEqual(["none", "store-locked"]);
  expect(readStatedRoots(rig.rootDir)).toHaveLength(2);
  expect(await next({ rotate: true })).toMatchObject({ number: 3 });
});
