/** How many grants are held, which give way, and that thousands of them cost little. */
import {
  AUTHORITY_EPOCH_S,
  CoreRig,
  createTestPorts,
  SeededRandom,
  TestAuthority,
} from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import { Authority } from "./authority.ts";
import { CLOCK_LEEWAY_MS, GRANTS_MAX, NODE_ISSUERS_MAX } from "./grant-set.ts";
import { MARKS_ROW } from "./marks.ts";

const fleet = new TestAuthority();
const T = AUTHORITY_EPOCH_S;
const DAY_S = 86_400;
const idOf = TestAuthority.idOf;
const issuers = ["issuer", "second", "third"].map((name) => fleet.issuer(name));
const ROOT = fleet.root({ issuers });

function createAuthority(ports: ReturnType<typeof createTestPorts>): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const authority = new Authority({ ports, identity, config: coreConfig() });
  authority.take(ROOT);
  return authority;
}

/** Ends `i` seconds behind the others. */
const short = (i: number): string =>
  fleet.grant(`n${i}`, { issuedS: T + i, notBeforeS: T + i, expS: T + DAY_S + i });
/** Issued when all of those are over. */
const LATER_S = T + 40 * DAY_S;
const long = (i: number): string =>
  fleet.grant(`m${i}`, { issuedS: LATER_S, notBeforeS: LATER_S, expS: LATER_S + 14 * DAY_S });
const AFTER_MS = LATER_S * 1_000 + CLOCK_LEEWAY_MS;

test("P6 ME1 GRANTS_MAX nodes have a grant, however often they are renewed and by whom", () => {
  const authority = createAuthority(createTestPorts("self"));
  for (let i = 0; i < GRANTS_MAX; i++) authority.take(short(i));
  expect(authority.take(long(0))).toMatchObject({ code: "authority-full" });
  const renewed = { issuedS: T + DAY_S, signer: fleet.key("second") };
  for (let i = 0; i < 100; i++)
    expect(authority.take(fleet.grant(`n${i}`, renewed)).status).toBe("new");
  expect(authority.grantedNodes()).toHaveLength(GRANTS_MAX);
});

test("P1, P6, ME1 where GRANTS_MAX nodes have one, those give way that were over first, in whatever order they came", () => {
  const random = new SeededRandom("ended");
  const many = 60;
  const olds = Array.from({ length: GRANTS_MAX }, (_, i) => short(i));
  const news = Array.from({ length: many }, (_, i) => long(i));
  const first = createAuthority(createTestPorts("self"));
  for (const token of [...olds, ...news]) first.take(token, AFTER_MS);
  expect(first.grantOf(`m${many - 1}`)).toBeDefined();
  expect([first.grantOf(`n${many - 1}`), first.grantOf(`n${many}`)?.node]).toEqual([
    undefined,
    `n${many}`,
  ]);
  const other = createAuthority(createTestPorts("self"));
  for (const token of random.shuffled([...olds, ...news])) other.take(token, AFTER_MS);
  expect(other.digest).toBe(first.digest);
  // Who gave way does not come back by sync, and is on disk no more; who has not ended gives way to nobody.
  expect(first.take(olds[0] ?? "", AFTER_MS)).toMatchObject({ code: "authority-full" });
  expect(first.has(idOf(olds[0] ?? ""))).toBe(false);
  const result = first.take(long(many), AFTER_MS);
  expect(result).toMatchObject({ dropped: [idOf(olds[many] ?? "")] });
  expect(first.take(long(many + 1), T * 1_000)).toMatchObject({ code: "authority-full" });
});

/** What a member had, and what took the place of it; the first lasts much longer. */
const WIDE = fleet.grant("m", { roles: ["operator"], expS: T + 31 * DAY_S });
const NARROW = fleet.grant("m", {
  roles: ["observer"],
  robots: [],
  expS: T + DAY_S,
  issuedS: T + 1,
});
const others = Array.from({ length: GRANTS_MAX - 1 }, (_, i) => long(i));
const NEXT = long(GRANTS_MAX);

test.each([
  ["was set aside", [WIDE, NARROW]],
  ["was never seen", [NARROW]],
])(
  "P1, ME1 where GRANTS_MAX nodes have one, a grant that was narrowed gives way once nothing before it can be valid, and what it took the place of does not come back, where that %s",
  (_, his) => {
    const authority = createAuthority(createTestPorts("self"));
    const early = Array.from({ length: GRANTS_MAX - 1 }, (_each, i) => short(i + 10));
    for (const token of [...his, ...early]) authority.take(token);
    // Its own has ended, what it had before has not.
    const beforeMs = (T + 5 * DAY_S) * 1_000;
    const soon = fleet.grant("soon", { issuedS: T + 5 * DAY_S });
    expect(authority.take(soon, beforeMs)).toMatchObject({ code: "authority-full" });
    expect(authority.take(NEXT, AFTER_MS)).toMatchObject({
      status: "new",
      dropped: expect.arrayContaining(his.map(idOf)) as readonly string[],
    });
    for (const token of [WIDE, NARROW]) expect(authority.has(idOf(token))).toBe(false);
    // Nor where a root statement makes room.
    const voids = [{ key: fleet.key("issuer"), kept: [idOf(WIDE)] }];
    for (let at = 0; at < 2; at++) {
      expect(authority.take(WIDE, AFTER_MS)).toMatchObject({ code: "authority-full" });
      expect([authority.authorship("m"), authority.standing("m", AFTER_MS).kind]).toEqual([
        "none",
        "none",
      ]);
      if (at === 0) authority.take(fleet.root({ number: 2, previous: idOf(ROOT), issuers, voids }));
    }
  },
);

test("P1, P5, ME1 who gave way is so after a restart as well, and it is durable with what took its place", () => {
  const statements = [ROOT, WIDE, NARROW, ...others];
  const options = { fleet: fleet.fleet, wallMs: AFTER_MS };
  const rig = new CoreRig("a", { ...options, config: { statements } });
  rig.start();
  const submit = (to: CoreRig, token: string): readonly Effect[] => {
    const command = { type: "statement", token } as const;
    return [...to.input({ type: "command", id: 1, command }), ...to.settle()];
  };
  const written = submit(rig, NEXT).flatMap((each) => (each.type === "persist" ? [each.ops] : []));
  const [ops] = written.filter((each) => each.some(({ key }) => key.endsWith(idOf(NEXT))));
  expect(ops?.map(({ key, type }) => [type, key])).toEqual(
    expect.arrayContaining([
      ["del", `authority/${idOf(NARROW)}`],
      ["put", MARKS_ROW],
    ]),
  );
  const again = new CoreRig("a", { ...options, rows: rig.rows });
  again.start();
  const nodes = (of: CoreRig): readonly string[] =>
    of.core.authority(of.now).grants.map(({ node }) => node);
  expect(nodes(again)).toEqual(nodes(rig));
  // A root statement that makes room.
  const voids = [{ key: fleet.key("issuer"), kept: [WIDE, NEXT].map(idOf) }];
  for (const each of [rig, again]) {
    submit(each, fleet.root({ number: 2, previous: idOf(ROOT), issuers, voids }));
    submit(each, WIDE);
    expect(nodes(each)).toEqual([`m${GRANTS_MAX}`]);
  }
});

test("P1, ME1 where a start finds more grants than there is room for, the same ones count in whatever order they are on disk", () => {
  const random = new SeededRandom("disk");
  const tokens = [
    ...Array.from({ length: GRANTS_MAX }, (_, i) => short(i)),
    ...others.slice(0, 50),
  ];
  const digests = [tokens, random.shuffled(tokens)].map((rows) => {
    const authority = createAuthority(createTestPorts("self"));
    const bad = authority.restore([...rows]);
    expect(bad.map(({ code }) => code)).toEqual(Array.from({ length: 50 }, () => "authority-full"));
    expect(new Set(bad.map(({ token }) => token))).toEqual(new Set(tokens.slice(0, 50)));
    return authority.digest;
  });
  expect(digests[0]).toBe(digests[1]);
});

test("P1, P6 ME1 of NODE_ISSUERS_MAX issuers a node's grants are told, the newest ones, in whatever order they came", () => {
  const grants = issuers.map(({ key }, i) => fleet.grant("n", { signer: key, issuedS: T + i }));
  expect(grants).toHaveLength(NODE_ISSUERS_MAX + 1);
  const digests = [grants, grants.toReversed()].map((tokens) => {
    const authority = createAuthority(createTestPorts("self"));
    for (const token of tokens) authority.take(token);
    expect(authority.grantOf("n")?.issuedS).toBe(T + 2);
    expect(authority.size).toBe(1 + NODE_ISSUERS_MAX);
    return authority.digest;
  });
  expect(digests[0]).toBe(digests[1]);
});

test("ME3 P6 a thousand ended grants are looked at without looking at all the others for each", () => {
  const ports = createTestPorts("self");
  let hashed = 0;
  const counting = {
    ...ports,
    hash: { sha256: (bytes: Uint8Array) => (hashed++, ports.hash.sha256(bytes)) },
  };
  const authority = createAuthority(counting);
  const revoked = Array.from({ length: 50 }, (_, i) => fleet.revocation(`r${i}`));
  for (let i = 0; i < 1_000; i++) authority.take(fleet.grant(`n${i}`, { expS: T + 60 }));
  // One that commits to others, so that it is no news and looked at each time.
  authority.take(fleet.charter(ROOT, { revocations: revoked.length }));
  for (const token of revoked) authority.take(token);
  hashed = 0;
  const nowMs = (T + 40 * DAY_S) * 1_000;
  const standings = authority.grantedNodes().map((node) => authority.standing(node, nowMs));
  expect(standings.filter((each) => each.kind === "expired" && each.isHonoured)).toHaveLength(
    1_000,
  );
  expect(hashed).toBeLessThanOrEqual(1);
  // Nor do more grants change what is known of revocations.
  authority.take(fleet.grant("more"));
  hashed = 0;
  authority.isStale(nowMs);
  expect(hashed).toBe(0);
});

test("ME1 P6 a start verifies each statement once, be it on disk, given, or both", () => {
  const base = createTestPorts("a");
  let reads = 0;
  const tokens = {
    ...base.tokens,
    read: (token: string) => (reads++, base.tokens.read(token)),
  };
  const statements = [...Array.from({ length: 50 }, (_, i) => fleet.grant(`n${i}`)), ROOT];
  const options = { fleet: fleet.fleet, ports: { ...base, tokens }, config: { statements } };
  const rig = new CoreRig("a", options);
  rig.start();
  expect(reads).toBe(statements.length);
  reads = 0;
  new CoreRig("a", { ...options, rows: rig.rows }).start();
  expect(reads).toBe(statements.length);
});
