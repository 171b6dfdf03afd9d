/** What does not count now, and may count again: after the theft of a root key, and of an issuer's. */
import {
  AUTHORITY_EPOCH_S,
  createTestPorts,
  SeededRandom,
  TestAuthority,
} from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { SNAPSHOT_PARTS_MAX } from "../chain/limits.ts";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import { Authority } from "./authority.ts";
import { CLOCK_LEEWAY_MS, GRANTS_MAX } from "./grant-set.ts";
import { ASIDE_GRANTS_MAX, ASIDE_BYTES_MAX } from "./set-aside.ts";
import type { RootClaims } from "./claims.ts";

const fleet = new TestAuthority();
const idOf = TestAuthority.idOf;
const T = AUTHORITY_EPOCH_S;
const issuers = [fleet.issuer("issuer"), fleet.issuer("second")];
const FIRST = fleet.root({ issuers });
const ISSUER = fleet.key("issuer");

const upon = (before: string, number: number, claims: Partial<RootClaims> = {}): string =>
  fleet.root({ number, previous: idOf(before), issuers, issuedS: T + 1_000, ...claims });
/** The answer to the theft of the first root key. */
const rotation = (claims: Partial<RootClaims> = {}): string =>
  upon(FIRST, 2, {
    signer: fleet.key("root 2"),
    nextRootHash: fleet.keyHash("root 3"),
    issuedS: T + 2_000,
    ...claims,
  });

function createAuthority(): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const env = { ports: createTestPorts("self"), identity, config: coreConfig(), out: new Outbox() };
  return new Authority(env);
}

function holding(...tokens: readonly string[]): Authority {
  const authority = createAuthority();
  for (const token of tokens) authority.take(token);
  return authority;
}

/** Both tell each other what counts, until neither has more. */
function meet(a: Authority, b: Authority): void {
  for (let round = 0; round < 8; round++)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      for (const token of from.tokens(from.ids())) to.take(token);
}

test.each([
  ["makes every issuer void", { voids: issuers.map(({ key }) => ({ key, kept: [] })) }],
  ["leaves every issuer out, dated before all", { issuers: [], issuedS: 0 }],
])(
  "ME2 where a thief of the root key %s, all that counted counts again with the rotation",
  (_, claims) => {
    const honest = [FIRST, fleet.grant("n1"), fleet.grant("n2"), fleet.revocation("n2")];
    const wipe = upon(FIRST, 2, claims);
    const authority = holding(...honest, wipe);
    expect(authority.root?.id).toBe(idOf(wipe));
    expect(authority.authorship("n1")).toBe("none");
    expect(authority.revocations()).toEqual([]);
    expect(authority.take(fleet.grant("n1"))).toMatchObject({ code: "signer-unknown" });
    expect(authority.take(rotation())).toMatchObject({ status: "new", dropped: [] });
    expect(["n1", "n2"].map((node) => authority.authorship(node))).toEqual(["writer", "revoked"]);
    // And nobody is asked for what is here, be it counting or not.
    expect(holding(...honest, wipe).has(idOf(fleet.grant("n1")))).toBe(true);
  },
);

test("ME2 of a void issuer an older grant counts again where that is what the root keeps", () => {
  const genuine = fleet.grant("n1");
  const his = fleet.grant("n1", { roles: ["observer"], issuedS: T + 5 });
  const kept = [idOf(genuine)];
  const voided = upon(FIRST, 2, { issuers: issuers.slice(1), voids: [{ key: ISSUER, kept }] });
  // And whoever decides what is kept is shown it.
  const shown = holding(FIRST, genuine, his).superseded();
  expect(shown.map(({ id }) => id)).toEqual(kept);
  const authority = holding(FIRST, genuine, his, voided);
  expect(authority.superseded()).toEqual([]);
  expect(authority.authorship("n1")).toBe("writer");
  expect(authority.ids()).toContain(kept[0]);
  // A node that has heard of the thief's alone gets it from those.
  const late = holding(FIRST, his, genuine, voided);
  expect(late.authorship("n1")).toBe("none");
  meet(authority, late);
  expect(late.digest).toBe(authority.digest);
});

test("ME1, P5 what is set aside is on disk: a restart in between changes nothing", () => {
  const tokens = [FIRST, fleet.grant("n1"), fleet.grant("n1", { issuedS: T + 5 })];
  const wipe = upon(FIRST, 2, { issuers: [], issuedS: 0 });
  const again = createAuthority();
  again.restore([FIRST, wipe, ...tokens.slice(1).toReversed()]);
  expect(again.authorship("n1")).toBe("none");
  again.take(rotation());
  const expected = holding(...tokens, wipe, rotation());
  expect(again.digest).toBe(expected.digest);
  expect(again.grantOf("n1")?.issuedS).toBe(T + 5);
});

test("P1, ME2 a thief of the root key, the rotation, a void issuer and its thief's grants, in whatever order: nodes that meet agree", () => {
  const random = new SeededRandom("set aside");
  const genuine = fleet.grant("n1");
  const third = upon(rotation(), 3, {
    signer: fleet.key("root 2"),
    nextRootHash: fleet.keyHash("root 3"),
    issuers: issuers.slice(1),
    voids: [{ key: ISSUER, kept: [idOf(genuine), idOf(fleet.revocation("n3"))] }],
    issuedS: T + 3_000,
  });
  const wipes = [0, 1].map((at) =>
    upon(FIRST, 2, { issuers: [fleet.issuer("thief")], issuedS: at }),
  );
  const voids = [{ key: fleet.key("second"), kept: [] }];
  const tokens = [
    FIRST,
    ...wipes,
    upon(wipes[0] as string, 3, { voids }),
    rotation(),
    third,
    genuine,
    fleet.grant("n1", { issuedS: T + 5 }),
    fleet.grant("n1", { issuedS: T + 6, roles: ["observer"] }),
    fleet.grant("n2", { signer: fleet.key("second") }),
    fleet.grant("n3", { signer: fleet.key("second") }),
    fleet.grant("n4", { signer: fleet.key("thief"), issuedS: 0, notBeforeS: T }),
    fleet.revocation("n3"),
    fleet.revocation("n2"),
    fleet.revocation("n1", [], { signer: fleet.key("thief"), issuedS: 0 }),
  ];
  const expected = ["writer", "writer", "revoked", "none"];
  for (let round = 0; round < 300; round++) {
    const nodes = [0, 1].map(() => createAuthority()) as [Authority, Authority];
    // One of them at least has seen everything while it counted: what nobody has, nobody can bring back.
    for (const token of tokens) nodes[0].take(token);
    for (const token of random.shuffled(tokens)) nodes[1].take(token);
    meet(...nodes);
    const [one, other] = nodes.map((node) => [
      node.digest,
      ["n1", "n2", "n3", "n4"].map((id) => node.authorship(id)),
    ]);
    expect([round, other]).toEqual([round, one]);
    expect(one?.[1]).toEqual(expected);
  }
});

test("P6 ASIDE_GRANTS_MAX grants of an issuer for a node are set aside, first those that came first; ended ones make room", () => {
  const grants = Array.from({ length: ASIDE_GRANTS_MAX + 2 }, (_, i) =>
    fleet.grant("n1", { issuedS: T + i, expS: T + 600 + i }),
  );
  const ids = grants.map(idOf);
  const authority = holding(FIRST, ...grants);
  // The last one counts, the one before it found no room.
  expect(ids.map((id) => authority.has(id))).toEqual(ids.map((_, i) => i !== ids.length - 2));
  const endedMs = (T + 600) * 1_000 + CLOCK_LEEWAY_MS;
  const next = fleet.grant("n1", { issuedS: T + 100 });
  expect(authority.take(next, endedMs)).toMatchObject({ dropped: [ids[0]] });
  expect(authority.has(ids.at(-1) as string)).toBe(true);
});

test("P6 ASIDE_BYTES_MAX of statements are set aside, and of those first what no thief of the root key can have signed", () => {
  const thief = { signer: fleet.key("thief") };
  const cut = { document: "reported", epoch: 1, seq: 1, hash: "a".repeat(64), robots: 1 } as const;
  const parts = Array.from({ length: SNAPSHOT_PARTS_MAX }, (_, i) =>
    i.toString(16).padStart(64, "0"),
  );
  const revoking = (at: number): string =>
    fleet.revocation(`f${at}`, [{ ...cut, parts }], { ...thief, reason: "flood" });
  const robots = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(120));
  const granting = (at: number): string =>
    fleet.grant(`f${at % (GRANTS_MAX / 2)}`, { ...thief, robots, issuedS: T + at });
  const his = upon(FIRST, 2, { issuers: [...issuers, fleet.issuer("thief")] });
  // Longer than the shortest of the flood.
  const genuine = [fleet.revocation("n2", [{ ...cut, parts: [] }]), fleet.grant("n1", { robots })];
  const authority = holding(FIRST, his, ...genuine.slice(0, 1));
  let bytes = 0;
  for (const flood of [revoking, granting]) {
    for (let at = 0; bytes <= ASIDE_BYTES_MAX; at++) {
      const token = flood(at);
      if (authority.take(token).status !== "new") break;
      bytes += token.length;
    }
  }
  expect(bytes).toBeGreaterThan(ASIDE_BYTES_MAX);
  // Short ones, so that no gap is left for what is genuine.
  for (let at = 0; at < 200; at++)
    authority.take(fleet.grant(`s${at % 100}`, { ...thief, robots: [], issuedS: T + at }));
  authority.take(genuine[1] as string);
  const wipe = upon(his, 3, { issuers: [], issuedS: 0 });
  const { dropped } = authority.take(wipe) as { readonly dropped: readonly string[] };
  expect(dropped.length).toBeGreaterThan(0);
  for (const id of dropped) expect(authority.has(id)).toBe(false);
  authority.take(rotation());
  expect(["n1", "n2"].map((node) => authority.authorship(node))).toEqual(["writer", "revoked"]);
});
