import {
  AUTHORITY_EPOCH_S,
  createTestPorts,
  RIG_WALL_MS,
  SeededRandom,
  TestAuthority,
} from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import { Authority, STALE_AFTER_MS, type TakeResult } from "./authority.ts";
import { CLOCK_LEEWAY_MS, GRANTS_MAX } from "./grant-set.ts";
import { REVOCATIONS_MAX } from "./revocation-set.ts";
import { ROOTS_MAX } from "./root-chain.ts";

const fleet = new TestAuthority();
const DAY_S = 86_400;

function createAuthority(): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const env = { ports: createTestPorts("self"), identity, config: coreConfig(), out: new Outbox() };
  return new Authority(env);
}

function holding(...tokens: readonly string[]): Authority {
  const authority = createAuthority();
  for (const token of tokens) expect(authority.take(token).status).toBe("new");
  return authority;
}

function codeOf(result: TakeResult): string {
  return result.status === "refused" ? result.code : result.status;
}

test("ME1 an issuer's bounds are for what it grants: it revokes every node, whoever granted what to it, and its voiding undoes that", () => {
  const narrow = { ...fleet.issuer("narrow"), roles: ["observer"] as const, robots: [] };
  const issuers = [fleet.issuer("issuer"), narrow];
  const root = fleet.root({ issuers });
  const authority = holding(root, fleet.grant("n1", { robots: ["zap-*"] }));
  const signer = fleet.key("narrow");
  expect(codeOf(authority.take(fleet.grant("n1", { signer })))).toBe("signer-unknown");
  expect(codeOf(authority.take(fleet.revocation("n1", [], { signer })))).toBe("new");
  expect(codeOf(authority.take(fleet.revocation("nobody-granted", [], { signer })))).toBe("new");
  expect(authority.standing("n1", RIG_WALL_MS).kind).toBe("revoked");
  const voids = [{ key: signer, kept: [] }];
  const previous = TestAuthority.idOf(root);
  authority.take(fleet.root({ number: 2, previous, issuers: issuers.slice(0, 1), voids }));
  expect(authority.standing("n1", RIG_WALL_MS).kind).toBe("granted");
});

test("ME1 a fleet without a root statement is open, and its first one closes it", () => {
  const authority = createAuthority();
  expect(authority.standing("anybody", RIG_WALL_MS).kind).toBe("open");
  expect(authority.authorship("anybody")).toBe("open");
  expect(authority.take(fleet.root()).status).toBe("new");
  expect(authority.standing("anybody", RIG_WALL_MS).kind).toBe("none");
  expect(authority.authorship("anybody")).toBe("none");
});

test("ME1 the first root statement is signed by the key that the fleet is named by, and by no other", () => {
  const authority = createAuthority();
  const forged = fleet.root({ signer: fleet.key("thief") });
  expect(codeOf(authority.take(forged))).toBe("signer-unknown");
  expect(authority.isClosed).toBe(false);
});

test("ME1 a statement of another fleet, and one with a wrong signature, are refused", () => {
  const authority = holding(fleet.root());
  const other = new TestAuthority("other");
  expect(codeOf(authority.take(other.root()))).toBe("fleet-foreign");
  const token = fleet.grant("n1");
  expect(codeOf(authority.take(token.replace("n1", "n2")))).toBe("statement-malformed");
  expect(authority.grantOf("n2")).toBeUndefined();
});

test("ME1 a grant makes its node a member, with the roles, robots and region that it names", () => {
  const authority = holding(fleet.root(), fleet.grant("n1", { robots: ["zap-*"], region: "us" }));
  const standing = authority.standing("n1", RIG_WALL_MS);
  expect(standing).toMatchObject({ kind: "granted", isObserver: false });
  expect(authority.grantOf("n1")).toMatchObject({ robots: ["zap-*"], region: "us" });
  expect(authority.authorship("n1")).toBe("writer");
});

test("ME1 an observer is let in and writes nothing", () => {
  const authority = holding(fleet.root(), fleet.grant("n1", { roles: ["observer"] }));
  expect(authority.standing("n1", RIG_WALL_MS)).toMatchObject({
    kind: "granted",
    isObserver: true,
  });
  expect(authority.authorship("n1")).toBe("observer");
});

test.each([
  ["roles", { roles: ["operator"] as const }],
  ["robots", { robots: ["*"] }],
  ["robots", { robots: ["zap"] }],
  ["time", { notBeforeS: AUTHORITY_EPOCH_S + 90 * DAY_S, expS: AUTHORITY_EPOCH_S + 91 * DAY_S }],
])("ME1 an issuer grants nothing beyond its own bounds: %s", (_what, claims) => {
  const issuer = { ...fleet.issuer("issuer"), roles: ["robot"] as const, robots: ["zap-*"] };
  const authority = holding(fleet.root({ issuers: [issuer] }));
  expect(authority.take(fleet.grant("n1", { robots: ["zap-1", "zap-2*"] })).status).toBe("new");
  expect(codeOf(authority.take(fleet.grant("n2", { robots: [], ...claims })))).toBe(
    "signer-unknown",
  );
});

test("ME1 of two grants of one issuer the later one counts, in whatever order they come", () => {
  const early = fleet.grant("n1", { region: "old" });
  const late = fleet.grant("n1", { region: "new", issuedS: AUTHORITY_EPOCH_S + 1 });
  const one = holding(fleet.root(), early, late);
  const other = holding(fleet.root(), late);
  expect(other.take(early).status).toBe("known");
  expect(one.grantOf("n1")?.region).toBe("new");
  expect(one.digest).toBe(other.digest);
});

test("ME1 a revoked node is none any more, whatever is granted to it afterwards", () => {
  const authority = holding(fleet.root(), fleet.grant("n1"), fleet.revocation("n1"));
  const later = fleet.grant("n1", { issuedS: AUTHORITY_EPOCH_S + 100 });
  expect(authority.take(later).status).toBe("new");
  expect(authority.standing("n1", RIG_WALL_MS).kind).toBe("revoked");
  expect(authority.authorship("n1")).toBe("revoked");
});

test("ME1 of several revocations the lower place stands for each document, and one that names none keeps nothing", () => {
  const cut = {
    document: "reported",
    epoch: 5,
    seq: 9,
    hash: "a".repeat(64),
    parts: [],
    robots: 0,
  } as const;
  const lower = { ...cut, seq: 4 };
  const authority = holding(
    fleet.root(),
    fleet.revocation("n1", [cut]),
    fleet.revocation("n1", [lower]),
  );
  expect(authority.cutsOf("n1")?.get("reported")?.seq).toBe(4);
  expect(authority.take(fleet.revocation("n1")).status).toBe("new");
  expect(authority.cutsOf("n1")?.size).toBe(0);
});

test("ME2 the committed next root takes over, and a thief of the old key cannot undo it", () => {
  const root = fleet.root();
  const previous = TestAuthority.idOf(root);
  const issuers = [fleet.issuer("new issuer")];
  const rotated = fleet.root({
    number: 2,
    previous,
    signer: fleet.key("root 2"),
    issuers,
    issuedS: AUTHORITY_EPOCH_S + 10,
  });
  // He tries until his id is the smaller one.
  const attempts = Array.from({ length: 64 }, (_, i) =>
    fleet.root({
      number: 2,
      previous,
      issuers: [fleet.issuer("thief")],
      issuedS: AUTHORITY_EPOCH_S + 5 - i,
    }),
  );
  const thief = attempts.find((it) => TestAuthority.idOf(it) < TestAuthority.idOf(rotated)) ?? "";
  const loot = fleet.grant("n9", { signer: fleet.key("thief"), issuedS: AUTHORITY_EPOCH_S + 6 });
  const authority = holding(root, thief, loot);
  expect(authority.authorship("n9")).toBe("writer");
  expect(authority.take(rotated)).toMatchObject({ status: "new", dropped: [] });
  expect(authority.authorship("n9")).toBe("none");
  expect(authority.ids()).not.toContain(TestAuthority.idOf(loot));
  expect(authority.disputedRoots).toEqual([2]);
  const upon = fleet.root({ number: 3, previous: TestAuthority.idOf(thief) });
  expect(codeOf(authority.take(upon))).toBe("signer-unknown");
  const stranger = fleet.root({
    number: 3,
    previous: TestAuthority.idOf(rotated),
    signer: fleet.key("root 3"),
  });
  expect(codeOf(authority.take(stranger))).toBe("signer-unknown");
});

test("P6 ROOTS_MAX root statements stand one upon the other, and no more", () => {
  const authority = createAuthority();
  let previous: string | undefined;
  for (let number = 1; number <= ROOTS_MAX; number++) {
    const root = fleet.root({ number, previous });
    expect(authority.take(root).status).toBe("new");
    previous = TestAuthority.idOf(root);
  }
  expect(codeOf(authority.take(fleet.root({ number: ROOTS_MAX + 1, previous })))).toBe(
    "signer-unknown",
  );
});

test("ME2 of a void issuer counts what the root names, and nothing else", () => {
  const root = fleet.root();
  const kept = fleet.grant("n1");
  const gone = fleet.grant("n2");
  const authority = holding(root, kept, gone, fleet.revocation("n3"));
  const voids = [{ key: fleet.key("issuer"), kept: [TestAuthority.idOf(kept)] }];
  const next = fleet.root({ number: 2, previous: TestAuthority.idOf(root), issuers: [], voids });
  expect(authority.take(next).status).toBe("new");
  expect(["n1", "n2", "n3"].map((node) => authority.authorship(node))).toEqual([
    "writer",
    "none",
    "none",
  ]);
  const backdated = fleet.grant("n4", { issuedS: AUTHORITY_EPOCH_S - 1_000 });
  expect(codeOf(authority.take(backdated))).toBe("signer-unknown");
});

test("ME2 an issuer that is named no more keeps what it issued before, and issues nothing after", () => {
  const root = fleet.root();
  const authority = holding(root, fleet.grant("n1"));
  const later = AUTHORITY_EPOCH_S + 100;
  const next = fleet.root({
    number: 2,
    previous: TestAuthority.idOf(root),
    issuers: [],
    issuedS: later,
  });
  expect(authority.take(next).status).toBe("new");
  expect(authority.authorship("n1")).toBe("writer");
  expect(codeOf(authority.take(fleet.grant("n2", { issuedS: later })))).toBe("signer-unknown");
  expect(authority.take(fleet.grant("n3", { issuedS: later - 1 })).status).toBe("new");
});

test("ME2 the charter with the highest number stands, signed by the key that the root designates", () => {
  const root = fleet.root();
  const authority = holding(root, fleet.charter(root));
  const second = fleet.charter(root, { number: 2, previous: "b".repeat(64) });
  expect(authority.take(second).status).toBe("new");
  expect(authority.charterNumber).toBe(2);
  expect(authority.take(fleet.charter(root)).status).toBe("known");
  const forged = fleet.charter(root, {
    number: 3,
    previous: "b".repeat(64),
    signer: fleet.key("thief"),
  });
  expect(codeOf(authority.take(forged))).toBe("signer-unknown");
});

test("ME2 a charter under a later root statement stands above any number of an earlier key's", () => {
  const root = fleet.root();
  const previous = TestAuthority.idOf(root);
  const next = fleet.root({ number: 2, previous, charterKey: fleet.key("new charter") });
  const thief = fleet.charter(root, { number: 900_000_000, previous });
  const honest = fleet.charter(next, { signer: fleet.key("new charter"), number: 2, previous });
  const authority = holding(root, thief, next, honest);
  expect(authority.charterNumber).toBe(2);
});

test("ME3 a grant that is over ends membership and no authorship", () => {
  const root = fleet.root();
  const endS = AUTHORITY_EPOCH_S + 14 * DAY_S;
  const authority = holding(root, fleet.grant("n1"), fleet.charter(root, { issuedS: endS }));
  const endMs = endS * 1_000 + CLOCK_LEEWAY_MS;
  expect(authority.standing("n1", endMs - 1).kind).toBe("granted");
  expect(authority.standing("n1", endMs)).toMatchObject({ kind: "expired", isHonoured: false });
  expect(authority.authorship("n1")).toBe("writer");
  expect(authority.nextChangeWallMs(endMs - 1)).toBe(endMs);
});

test("ME3 without news for a day an ended grant is honoured, as nobody could renew it", () => {
  const authority = holding(fleet.root(), fleet.grant("n1", { expS: AUTHORITY_EPOCH_S + 60 }));
  const staleMs = AUTHORITY_EPOCH_S * 1_000 + STALE_AFTER_MS;
  expect(authority.isStale(staleMs)).toBe(false);
  expect(authority.standing("n1", staleMs)).toMatchObject({ kind: "expired", isHonoured: false });
  expect(authority.standing("n1", staleMs + 1)).toMatchObject({
    kind: "expired",
    isHonoured: true,
  });
});

test("ME3 neither a grant nor what is dated in the future is news", () => {
  const root = fleet.root();
  const far = AUTHORITY_EPOCH_S + 30 * DAY_S;
  const authority = holding(
    root,
    fleet.grant("n1", { issuedS: AUTHORITY_EPOCH_S + DAY_S }),
    fleet.charter(root, { issuedS: far }),
  );
  expect(authority.isStale(AUTHORITY_EPOCH_S * 1_000 + STALE_AFTER_MS + 1)).toBe(true);
});

test("ME3 a grant that has not begun counts from two minutes before it does, as clocks differ", () => {
  const begin = AUTHORITY_EPOCH_S + 3_600;
  const authority = holding(fleet.root(), fleet.grant("n1", { notBeforeS: begin }));
  const fromMs = begin * 1_000 - CLOCK_LEEWAY_MS;
  expect(authority.standing("n1", fromMs - 1).kind).toBe("early");
  expect(authority.standing("n1", fromMs).kind).toBe("granted");
});

test("ME3 a device that starts in 1970 takes no grant for one of the future, and a statement dated far ahead ends none", () => {
  const root = fleet.root();
  const authority = holding(root, fleet.grant("n1"));
  expect(authority.standing("n1", 0).kind).toBe("granted");
  const farS = AUTHORITY_EPOCH_S + 10_000 * DAY_S;
  expect(authority.take(fleet.charter(root, { issuedS: farS })).status).toBe("new");
  expect(authority.standing("n1", RIG_WALL_MS).kind).toBe("granted");
});

test("P1, ME1 nodes that are told the same statements in any order agree about everybody", () => {
  const random = new SeededRandom("orders");
  const root = fleet.root({ issuers: [fleet.issuer("issuer"), fleet.issuer("second")] });
  const id = TestAuthority.idOf(root);
  const thief = fleet.root({
    number: 2,
    previous: id,
    issuers: [fleet.issuer("thief")],
    issuedS: AUTHORITY_EPOCH_S + 3,
  });
  const rotated = fleet.root({
    number: 2,
    previous: id,
    signer: fleet.key("root 2"),
    issuers: [fleet.issuer("second")],
    voids: [{ key: fleet.key("issuer"), kept: [TestAuthority.idOf(fleet.grant("n1"))] }],
    issuedS: AUTHORITY_EPOCH_S + 9,
  });
  const tokens = [
    root,
    thief,
    rotated,
    fleet.root({ number: 3, previous: TestAuthority.idOf(thief), issuedS: AUTHORITY_EPOCH_S + 4 }),
    fleet.root({
      number: 3,
      previous: TestAuthority.idOf(rotated),
      signer: fleet.key("root 2"),
      issuers: [fleet.issuer("second")],
    }),
    fleet.grant("n1"),
    fleet.grant("n1", { issuedS: AUTHORITY_EPOCH_S + 1 }),
    fleet.grant("n2", { signer: fleet.key("second") }),
    fleet.grant("n2", {
      signer: fleet.key("second"),
      region: "us",
      issuedS: AUTHORITY_EPOCH_S + 1,
    }),
    fleet.grant("n3", { signer: fleet.key("thief") }),
    fleet.revocation("n2"),
    fleet.revocation("n2", [], { signer: fleet.key("second"), reason: "lost" }),
    fleet.revocation("n4", [], { signer: fleet.key("second") }),
    fleet.charter(root),
    fleet.charter(rotated, { number: 2, previous: id }),
  ];
  const seen = new Set<string>();
  for (let round = 0; round < 200; round++) {
    const authority = createAuthority();
    // As sync does: what was refused for want of something else comes again.
    for (let pass = 0; pass < 4; pass++)
      for (const token of random.shuffled(tokens)) authority.take(token);
    const standings = ["n1", "n2", "n3", "n4"].map((node) => authority.standing(node, RIG_WALL_MS));
    seen.add(
      JSON.stringify([authority.digest, authority.ids(), standings, authority.charterNumber]),
    );
  }
  expect([...seen]).toHaveLength(1);
});

test("P6 GRANTS_MAX grants and REVOCATIONS_MAX revocations are held, and no more", () => {
  const authority = holding(fleet.root());
  for (let i = 0; i < GRANTS_MAX; i++) authority.take(fleet.grant(`n${i}`));
  expect(codeOf(authority.take(fleet.grant("more")))).toBe("authority-full");
  expect(authority.take(fleet.grant("n1", { issuedS: AUTHORITY_EPOCH_S + 1 })).status).toBe("new");
  for (let i = 0; i < REVOCATIONS_MAX; i++) authority.take(fleet.revocation(`n${i}`));
  expect(codeOf(authority.take(fleet.revocation("more")))).toBe("authority-full");
});
