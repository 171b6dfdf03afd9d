/** What a thief of a root key can do, who tries until the id of what he signs is the smaller one. */
import { AUTHORITY_EPOCH_S, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import { Authority } from "./authority.ts";
import type { RootClaims } from "./claims.ts";

const fleet = new TestAuthority();
const idOf = TestAuthority.idOf;
const FIRST = fleet.root();

/** Signed with the fleet's first key, if nothing else is said. */
const upon = (before: string, number: number, claims: Partial<RootClaims> = {}): string =>
  fleet.root({ number, previous: idOf(before), ...claims });

const SECOND = upon(FIRST, 2, { issuedS: AUTHORITY_EPOCH_S + 1 });
const rotation = (before: string, number: number): string =>
  upon(before, number, {
    signer: fleet.key("root 2"),
    nextRootHash: fleet.keyHash("root 3"),
    issuedS: AUTHORITY_EPOCH_S + 2,
  });

function holding(...tokens: readonly string[]): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const env = { ports: createTestPorts("self"), identity, config: coreConfig(), out: new Outbox() };
  const authority = new Authority(env);
  for (const token of tokens) authority.take(token);
  return authority;
}

/** One that is before `other` by its id. */
function ground(other: string, make: (issuedS: number) => string): string {
  for (let i = 0; i < 256; i++) {
    const token = make(AUTHORITY_EPOCH_S + 100 + i);
    if (idOf(token) < idOf(other)) return token;
  }
  throw new Error("A thief would have gone on.");
}

const keyOf = (authority: Authority): string | undefined => authority.root?.claims.signer;

test("ME2, P6 of keys that the root statements speak of, or commit to, anything may count, and nothing of others", () => {
  const mayCount = (held: readonly string[], tokens: readonly string[]): readonly boolean[] =>
    tokens.map((token) => holding(...held).mayCount(token));
  const grantBy = (name: string): string => fleet.grant("n", { signer: fleet.key(name) });
  const charter = fleet.charter(FIRST, { signer: fleet.key("charter") });
  expect(mayCount([], [FIRST, grantBy("issuer")])).toEqual([true, false]);
  const next = rotation(FIRST, 2);
  const tokens = [next, SECOND, grantBy("issuer"), grantBy("thief"), charter];
  expect(mayCount([FIRST], tokens)).toEqual([true, true, true, false, false]);
  const named = upon(FIRST, 2, {
    charterKey: fleet.key("charter"),
    issuers: [fleet.issuer("other")],
    voids: [{ key: fleet.key("gone"), kept: [] }],
  });
  const later = [charter, ...["other", "gone", "issuer"].map(grantBy)];
  expect(mayCount([FIRST, named], later)).toEqual([true, true, true, true]);
  // What a rival commits to may go on from there, and be what stands.
  const third = upon(next, 3, { signer: fleet.key("root 3"), nextRootHash: fleet.keyHash("x") });
  expect(mayCount([FIRST, SECOND], [next, third])).toEqual([true, false]);
  expect(mayCount([FIRST, SECOND, next], [third, SECOND])).toEqual([true, true]);
});

test("ME2 a thief of the first root key cannot begin the fleet anew, whether its root was rotated or not", () => {
  const nextRootHash = fleet.keyHash("thief");
  const other = ground(FIRST, (issuedS) => fleet.root({ nextRootHash, issuedS }));
  const his = upon(other, 2, { signer: fleet.key("thief"), nextRootHash });
  const third = rotation(SECOND, 3);
  const rotated = holding(FIRST, SECOND, third, other, his);
  expect(rotated.root?.id).toBe(idOf(third));
  const early = holding(FIRST, other, his);
  expect(early.root?.id).toBe(idOf(FIRST));
  early.take(rotation(FIRST, 2));
  expect(keyOf(early)).toBe(fleet.key("root 2"));
  // What is on disk is read in the order of its names.
  const tokens = rotated.tokens(rotated.ids());
  expect(holding(...tokens).root?.id).toBe(idOf(third));
});

test("ME2, P1 a thief of an old root key cannot undo a rotation by what he puts below it, whenever it comes", () => {
  const third = rotation(SECOND, 3);
  const below = ground(SECOND, (issuedS) => upon(FIRST, 2, { issuedS, issuers: [] }));
  const after = holding(FIRST, SECOND, third, below);
  const before = holding(FIRST, below, SECOND, third);
  for (const authority of [after, before]) {
    expect(authority.root?.id).toBe(idOf(third));
    expect(authority.disputedRoots).toEqual([2]);
  }
  expect(after.digest).toBe(before.digest);
});

test("ME2 the alarm about two statements with one number is over once a rotation has answered it, and their proof stays", () => {
  const below = ground(SECOND, (issuedS) => upon(FIRST, 2, { issuedS, issuers: [] }));
  const authority = holding(FIRST, SECOND, below);
  expect([authority.disputedRoots, authority.unansweredRoots]).toEqual([[2], [2]]);
  const standing = authority.root?.token === SECOND ? SECOND : below;
  expect(authority.take(rotation(standing, 3))).toMatchObject({ status: "new" });
  expect([authority.disputedRoots, authority.unansweredRoots]).toEqual([[2], []]);
});

test("ME2 a thief of a root key cannot commit to another next key, nor can a key take over twice", () => {
  const nextRootHash = fleet.keyHash("thief");
  expect(holding(FIRST).take(upon(FIRST, 2, { nextRootHash }))).toMatchObject({
    code: "signer-unknown",
  });
  const third = rotation(SECOND, 3);
  const fourth = upon(third, 4, {
    signer: fleet.key("root 3"),
    nextRootHash: fleet.keyHash("root 4"),
  });
  const stolen = { signer: fleet.key("root 2"), nextRootHash };
  const again = ground(third, (issuedS) => upon(SECOND, 3, { ...stolen, issuedS }));
  const lower = upon(FIRST, 2, stolen);
  const authority = holding(FIRST, SECOND, third, fourth, again, lower);
  expect(authority.root?.id).toBe(idOf(fourth));
});

test("ME1, ME2 a root revokes nobody, neither before its rotation nor after it, dated back or not", () => {
  const second = rotation(FIRST, 2);
  const grant = fleet.grant("n1");
  for (const [signer, issuedS] of [
    [fleet.fleet, AUTHORITY_EPOCH_S],
    [fleet.fleet, AUTHORITY_EPOCH_S + 10],
    [fleet.key("root 2"), AUTHORITY_EPOCH_S + 10],
  ] as const) {
    const revocation = fleet.revocation("n1", [], { signer, issuedS });
    for (const authority of [holding(FIRST, grant), holding(FIRST, second, grant)]) {
      expect(authority.take(revocation)).toMatchObject({ code: "signer-unknown" });
      expect(authority.authorship("n1")).toBe("writer");
    }
  }
});
