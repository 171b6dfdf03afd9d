/** What `key rotate root --stolen` signs, and that the same counts behind it as before. */
import { type GrantClaims, type Issuer, ISSUERS_MAX, KEPT_MAX, ROOTS_MAX } from "@pulsemesh/core";
import { SeededRandom } from "@pulsemesh/testkit";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { type Ed25519Key, keyFromSeed } from "../keys/key-file.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { writeStatements } from "./authority-file.ts";
import { makeMember, START_S } from "./enrolment.test-support.ts";
import { voidIssuer } from "./replace-issuer.ts";
import { readStatedRoots, statedRoot } from "./root-folder.ts";
import type { RootChange } from "./root-deed.ts";
import { type NextRoot, nextRootStatement } from "./root-statements.ts";
import { type JudgingNode, RootRig } from "../../../../test/support/root-rig.ts";
import { signToken } from "./sign-token.ts";

const DAY_S = 86_400;

let rig: RootRig;
let first: Ed25519Key;
beforeEach(async () => {
  rig = await new RootRig().init();
  first = await readSecretKey(join(rig.dir, "issuer.key"));
});
afterEach(() => rig.remove());

const next = (change: RootChange, options: object = {}): Promise<NextRoot> =>
  nextRootStatement({ rootDir: rig.rootDir, change, nowS: START_S + 100, ...options });
const answer = (nowS: number = START_S + 50 * DAY_S): Promise<NextRoot> =>
  next({ rotate: true }, { isStolen: true, isForged: true, nowS });

const keyOf = ({ publicKey }: Ed25519Key): string => encodeBase32(publicKey);
const boundsOf = (key: Ed25519Key): Issuer => ({
  key: keyOf(key),
  expS: START_S + 300 * DAY_S,
  roles: ["robot", "operator"],
  robots: ["*"],
});

const newKey = (): Ed25519Key => keyFromSeed(generateSeed());

function grantBy(by: Ed25519Key, node: string, issuedS: number): Promise<string> {
  const signer = keyOf(by);
  const terms = { roles: ["robot"], robots: ["*"], region: "eu" } as const;
  const keys = { signer, auditKey: signer, cosignKey: signer };
  const times = { notBeforeS: START_S, expS: START_S + 14 * DAY_S, issuedS };
  const claims: GrantClaims = { kind: "grant", node, ...terms, ...keys, ...times };
  return signToken(claims, by.seed, rig.made.fleet);
}

function revocationBy(by: Ed25519Key, node: string, issuedS: number): Promise<string> {
  const said = { kind: "revocation", signer: keyOf(by), node, reason: "stolen" } as const;
  return signToken({ ...said, cuts: [], issuedS }, by.seed, rig.made.fleet);
}

/** Who counts as what, and by which statements. */
const countingAt = ({ view }: JudgingNode): unknown => [
  view.grants.map(({ id, node, standing }) => [id, node, standing]),
  view.revocationIds,
];

const idOf = (token: string): string =>
  statedRoot(token, readStatedRoots(rig.rootDir)[0].claims).id;

/** The node hears them one after the other, and at no place of it is the fleet's first member none. */
function hear(node: JudgingNode, { statements }: NextRoot): void {
  for (const token of statements.slice(1)) {
    expect(node.take(token)).toBe("ok");
    expect(node.standingOf(rig.made.node)).toBe("granted");
  }
}

test("ME2 one statement of a root's thief erases everything at every node, and the rotation brings all of it back", async () => {
  const stolen = await readSecretKey(rig.path("fleet-root.key"));
  const [honest, evil] = [makeMember().id, makeMember().id];
  const node = rig.node();
  const evilGrant = await grantBy(first, evil, START_S + 5);
  for (const token of [evilGrant, await grantBy(first, honest, START_S + 5)]) node.take(token);
  expect(node.take(await revocationBy(first, evil, START_S + 6))).toBe("ok");
  const before = countingAt(node);
  const [one] = readStatedRoots(rig.rootDir);
  const voids = [{ key: keyOf(first), kept: [] }];
  const his = { ...one.claims, number: 2, previous: one.id, voids, issuedS: START_S + 50 };
  expect(node.take(await signToken(his, stolen.seed, rig.made.fleet))).toBe("ok");
  expect(node.view).toMatchObject({ grants: [], revocations: [] });
  hear(node, await answer());
  expect(countingAt(node)).toEqual(before);
  expect(node.take(evilGrant)).toBe("ok");
  expect(node.standingOf(evil)).toBe("revoked");
  // Nor can he revoke anybody with the key that was replaced, dated back as he likes.
  const backdated = await revocationBy(stolen, honest, START_S + 1);
  expect(node.take(backdated)).toBe("signer-unknown");
});

test("ME2 issuers that came and went under the stolen key keep what they signed, and end when they ended", async () => {
  const node = rig.node();
  const [second, third] = [newKey(), newKey()];
  const [evil, honest] = [makeMember().id, makeMember().id];
  node.take(await grantBy(first, evil, START_S + 50));
  const two = { name: [boundsOf(second)], drop: [keyOf(first)], charterKey: keyOf(second) };
  hear(node, await next(two));
  node.take(await grantBy(second, honest, START_S + 200));
  node.take(await revocationBy(second, evil, START_S + 210));
  const three = { name: [boundsOf(third)], drop: [keyOf(second)], charterKey: keyOf(third) };
  hear(node, await next(three, { nowS: START_S + 1_000 }));
  const before = countingAt(node);
  hear(node, await answer());
  expect(countingAt(node)).toEqual(before);
  expect(node.view.root?.issuers.map(({ key }) => key)).toEqual([keyOf(third)]);
  for (const key of [first, second]) {
    const late = await revocationBy(key, honest, START_S + 2_000);
    expect(node.take(late)).toBe("signer-unknown");
  }
});

test("ME2 of an issuer that came and was made void under the stolen key what is kept still counts, and nothing else", async () => {
  const node = rig.node();
  const second = newKey();
  const [honest, other] = [makeMember().id, makeMember().id];
  hear(node, await next({ name: [boundsOf(second)] }));
  const kept = await grantBy(second, honest, START_S + 200);
  for (const token of [kept, await grantBy(second, other, START_S + 200)]) node.take(token);
  hear(node, await next({ voids: [{ key: keyOf(second), kept: [idOf(kept)] }] }));
  const before = countingAt(node);
  expect([honest, other].map((id) => node.standingOf(id))).toEqual(["granted", undefined]);
  hear(node, await answer());
  expect(countingAt(node)).toEqual(before);
});

test("ME2 at no place of the answer to a theft anything counts that a thief of an issuer made void has signed, however much of that issuer is kept", async () => {
  const node = rig.node();
  const [second, third, fourth] = [newKey(), newKey(), newKey()];
  const [honest, mallory] = [makeMember().id, makeMember().id];
  hear(node, await next({ name: [second, third, fourth].map(boundsOf) }));
  hear(node, await next({ rotate: true }));
  node.take(await grantBy(first, honest, START_S + 200));
  const small = await grantBy(fourth, makeMember().id, START_S + 200);
  node.take(small);
  for (const thief of [third, fourth]) {
    expect(node.take(await grantBy(thief, mallory, START_S + 200))).toBe("ok");
    expect(node.take(await revocationBy(thief, honest, START_S + 201))).toBe("ok");
  }
  const others = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => i.toString(16).padStart(64, "0"));
  for (const [key, kept] of [
    [second, others(KEPT_MAX)],
    [third, others(KEPT_MAX)],
    [fourth, [idOf(small)]],
  ] as const)
    node.take(
      (await next({ voids: [{ key: keyOf(key), kept }] }).catch(() => ({ token: "" }))).token,
    );
  expect(node.view.root?.number).toBe(6);
  const before = countingAt(node);
  const { statements } = await answer();
  expect(statements.length).toBeGreaterThan(5);
  for (const token of statements.slice(1)) {
    expect(node.take(token)).toBe("ok");
    expect([honest, mallory].map((id) => node.standingOf(id))).toEqual(["granted", undefined]);
    // Of the one whose list is short what is kept counts from the first one on, too.
    expect(countingAt(node)).toEqual(before);
  }
});

test("ME2 the answer to a theft is dated no earlier than the newest statement, which a clock ahead may have signed", async () => {
  await next({ rotate: true }, { nowS: START_S + 50 * DAY_S });
  const { statements } = await answer(START_S + 10);
  const dates = readStatedRoots(rig.rootDir).map(({ claims }) => claims.issuedS);
  expect([statements.length, dates.at(-1)]).toEqual([3, START_S + 50 * DAY_S]);
});

test("ME2 whatever was said, a theft is answered: an issuer made void twice, long lists, and more of them than one statement holds", async () => {
  const node = rig.node();
  const ids = (prefix: number): readonly string[] =>
    Array.from({ length: KEPT_MAX }, (_, i) => (prefix * 1_000 + i).toString(16).padStart(64, "0"));
  const keys: string[] = [];
  for (let at = 0; at < 18; at++) {
    const key = newKey();
    keys.push(keyOf(key));
    await next({ name: [boundsOf(key)] });
    const asked = { rootDir: rig.rootDir, key: keyOf(key), nowS: START_S + 100 };
    if (at < 2) await voidIssuer({ ...asked, kept: ids(at) });
    await voidIssuer({ ...asked, kept: at === 0 ? ids(7).slice(0, 3) : at === 1 ? ids(1) : [] });
  }
  const made = await answer();
  expect(made).toMatchObject({ status: "signed", number: 20 });
  hear(node, made);
  const stated = readStatedRoots(rig.rootDir).slice(1);
  const voided = new Map(
    stated.flatMap(({ claims }) => claims.voids.map((each) => [each.key, each.kept])),
  );
  expect([...voided.keys()].toSorted()).toEqual(keys.toSorted());
  // Of one that was made void twice the last word stands.
  expect(voided.get(keys[0] ?? "")).toEqual(ids(7).slice(0, 3));
  expect(voided.get(keys[1] ?? "")).toEqual(ids(1));
});

test("ME2 a root that could not answer its key's theft any more does not say what would make it so", async () => {
  const patterns = Array.from({ length: 16 }, (_, i) => `${"p".repeat(60)}${i}*`);
  const wide = Array.from({ length: 4 }, () => ({ ...boundsOf(newKey()), robots: patterns }));
  const key = newKey();
  await next({ name: [...wide, boundsOf(key)] });
  const kept = Array.from({ length: KEPT_MAX }, (_, i) => i.toString(16).padStart(64, "0"));
  const asked = { rootDir: rig.rootDir, key: keyOf(key), nowS: START_S + 100 };
  await expect(voidIssuer({ ...asked, kept })).rejects.toThrow(/oversized|characters/);
  await voidIssuer({ ...asked, kept: kept.slice(0, 2) });
  const many = Array.from({ length: ISSUERS_MAX - 6 }, () => boundsOf(newKey()));
  expect(await codeOf(next({ name: many }))).toBe("none");
  // With as many issuers as there can be none that is over can be named beside them.
  const more = { name: [boundsOf(newKey())] };
  expect(await codeOf(next(more))).toBe("option-invalid");
  await next({ rotate: true });
  expect(await codeOf(next(more))).toBe("none");
});

test("ME2 P6 the answer to a theft never goes beyond ROOTS_MAX statements", async () => {
  const root = await readSecretKey(rig.path("fleet-root.key"));
  const stated = [...readStatedRoots(rig.rootDir)];
  while (stated.length < ROOTS_MAX - 2) {
    const { id, claims } = stated.at(-1) ?? readStatedRoots(rig.rootDir)[0];
    const issuers = [boundsOf(newKey())];
    const said = { ...claims, number: claims.number + 1, previous: id, issuers };
    const full = { ...said, charterKey: issuers[0]?.key ?? "", issuedS: claims.issuedS + 1 };
    stated.push(statedRoot(await signToken(full, root.seed, rig.made.fleet), full));
  }
  const tokens = stated.map(({ token }) => token);
  writeFileSync(rig.path("root-statements.json"), writeStatements(tokens));
  const replaced = (): Promise<NextRoot> => {
    const old = readStatedRoots(rig.rootDir).at(-1)?.claims.issuers[0]?.key ?? "";
    const key = newKey();
    return next({ name: [boundsOf(key)], drop: [old], charterKey: keyOf(key) });
  };
  expect(await replaced()).toMatchObject({ number: ROOTS_MAX - 1 });
  expect(await codeOf(replaced())).toBe("option-invalid");
  expect(await answer()).toMatchObject({ number: ROOTS_MAX });
});

test("P1, ME2 of 6 random histories the same counts before and behind the answer to a theft", async () => {
  for (let seed = 0; seed < 6; seed++) {
    const random = new SeededRandom(`theft ${seed}`);
    const own = await new RootRig(`random-${seed}-`).init();
    const keys = [await readSecretKey(join(own.dir, "issuer.key"))];
    const saved = rig;
    rig = own;
    const node = own.node();
    for (let at = 1; at <= 10; at++) {
      const named =
        readStatedRoots(own.rootDir)
          .at(-1)
          ?.claims.issuers.map(({ key }) => key) ?? [];
      const fresh = newKey();
      const others = named.filter((key) => key !== own.made.issuer);
      const victim = others[random.integer(Math.max(1, others.length))];
      const kept = node.view.grants.filter(({ issuer }) => issuer === victim).slice(0, 1);
      const changes: readonly RootChange[] = [
        { name: [boundsOf(fresh)] },
        victim === undefined ? {} : { drop: [victim] },
        victim === undefined ? {} : { voids: [{ key: victim, kept: kept.map(({ id }) => id) }] },
        at < 4 ? { rotate: true } : {},
      ];
      const change = changes[random.integer(changes.length)] ?? {};
      const made = await next(change, { nowS: START_S + at * 100 });
      if (change.name !== undefined) keys.push(fresh);
      expect(node.take(made.token)).toBe("ok");
      for (const by of keys) {
        const id = makeMember().id;
        node.take(await grantBy(by, id, START_S + at * 100 + random.integer(100)));
        const dateS = START_S + at * 100 + random.integer(100);
        if (random.integer(3) === 0) node.take(await revocationBy(by, id, dateS));
      }
    }
    const before = countingAt(node);
    for (const token of (await answer()).statements.slice(1)) node.take(token);
    expect([seed, countingAt(node)]).toEqual([seed, before]);
    own.remove();
    rig = saved;
  }
});
