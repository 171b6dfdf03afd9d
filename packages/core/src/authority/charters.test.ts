/** What a charter commits to, and two of them with one number. */
import { AUTHORITY_EPOCH_S, CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import { Outbox } from "../outbox.ts";
import { Authority, STALE_AFTER_MS } from "./authority.ts";
import type { CharterClaims } from "./claims.ts";
import { MARKS_ROW } from "./marks.ts";

const fleet = new TestAuthority();
const T = AUTHORITY_EPOCH_S;
const DAY_S = 86_400;
const ROOT = fleet.root();
const BEFORE = "a".repeat(64);
const { codec, hash } = createTestPorts("a");
const idsHash = (...tokens: readonly string[]): string => {
  const ids = tokens.map(TestAuthority.idOf).toSorted();
  return Buffer.from(hash.sha256(codec.encode(ids))).toString("hex");
};

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

const charterOf = (revoked: readonly string[], claims: Partial<CharterClaims> = {}): string =>
  fleet.charter(ROOT, {
    number: 9,
    previous: BEFORE,
    revocations: revoked.length,
    revocationsHash: idsHash(...revoked),
    issuedS: T + 3 * DAY_S - 60,
    ...claims,
  });

test("ME2, ME3 a charter is news once all that it commits to is here, and not because of its date or of how many there are", () => {
  const nowMs = (T + 3 * DAY_S) * 1_000;
  const [x, y] = [fleet.revocation("x"), fleet.revocation("y")];
  const authority = holding(ROOT, fleet.grant("n"), charterOf([x]));
  expect([authority.isLacking, authority.isStale(nowMs)]).toEqual([true, true]);
  authority.take(y);
  expect([authority.isLacking, authority.isStale(nowMs)]).toEqual([true, true]);
  const honest = holding(ROOT, x, charterOf([x]));
  expect([honest.isLacking, honest.isStale(nowMs)]).toEqual([false, false]);
  // What is revoked later is in no charter yet, and takes nothing back.
  honest.take(fleet.revocation("z", [], { issuedS: T + 3 * DAY_S }));
  expect([honest.isLacking, honest.isStale(nowMs)]).toEqual([false, false]);
  honest.take(fleet.revocation("late", [], { issuedS: T }));
  expect([honest.isLacking, honest.isStale(nowMs)]).toEqual([true, false]);
  expect(honest.isStale(nowMs + STALE_AFTER_MS)).toBe(true);
});

test("ME3 a revocation is no news either: it says nothing of who else was revoked", () => {
  const nowMs = (T + 3 * DAY_S) * 1_000;
  const authority = holding(ROOT, charterOf([], { issuedS: T }));
  authority.take(fleet.revocation("x", [], { issuedS: T + 3 * DAY_S - 60 }));
  expect(authority.isStale(nowMs)).toBe(true);
});

test("P1, ME2 of charters with one number the same stands everywhere and one more is kept as the proof, until there is a later one", () => {
  const rivals = [1, 2, 3].map((at) => charterOf([], { issuedS: T + at }));
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ];
  const seen = orders.map((order) => {
    const authority = holding(ROOT, ...order.map((at) => rivals[at] ?? ""));
    expect(authority.disputedCharter).toBe(9);
    return authority.digest;
  });
  expect(new Set(seen).size).toBe(1);
  const authority = holding(ROOT, ...rivals);
  const third = rivals.find((token) => !authority.has(TestAuthority.idOf(token))) ?? "";
  expect(authority.take(third)).toEqual({ status: "known" });
  const later = authority.take(charterOf([], { number: 10 }));
  expect(later).toMatchObject({ status: "new", dropped: { length: 2 } });
  expect([authority.disputedCharter, authority.size]).toEqual([undefined, 2]);
});

function started(statements: readonly string[], wallMs: number, self: string = "v"): CoreRig {
  const rig = new CoreRig(self, { fleet: fleet.fleet, config: { statements }, wallMs });
  rig.start();
  return rig;
}

function submit(rig: CoreRig, token: string): readonly Effect[] {
  const command = { type: "statement", token } as const;
  return [...rig.input({ type: "command", id: 1, command }), ...rig.settle()];
}

test("ME3, ME2 who was away is not made to let in somebody revoked by a charter alone, and asks for what it lacks", () => {
  const revoked = fleet.revocation("x");
  const his = fleet.grant("x", { expS: T + 14 * DAY_S });
  const rig = started([ROOT, fleet.grant("v"), fleet.grant("m")], (T + 3 * DAY_S) * 1_000);
  const hello = (): unknown => {
    const [answer] = rig.input({ type: "hello", from: "x", grant: his });
    return answer?.type === "admit" ? answer.refusal : answer;
  };
  expect(hello()).toBe("authority-stale");
  submit(rig, charterOf([revoked]));
  expect(hello()).toBe("authority-stale");
  const knowing = [ROOT, fleet.grant("m"), charterOf([revoked]), revoked];
  const m = started(knowing, (T + 3 * DAY_S) * 1_000, "m");
  const pulse = m.advance(2_000).find((each) => each.type === "publish" && each.topic === "pulse");
  if (pulse?.type !== "publish") throw new Error("A node must pulse.");
  rig.input({ type: "peer-up", peer: { node: "m", agent: "t", addresses: [] } });
  rig.advance(100);
  const heard = rig.input({ type: "gossip", topic: "pulse", from: "m", bytes: pulse.bytes });
  const asked = heard.filter(
    (each) =>
      each.type === "send" &&
      each.channel === "sync" &&
      (codec.decode(each.bytes) as readonly unknown[])[0] === "statements",
  );
  expect(asked).toHaveLength(1);
  submit(rig, revoked);
  expect(hello()).toBe("revoked");
});

test("ME3, P5 a charter that was news is so after a restart, whatever was dated before it since; not where the disk has lost what it was backed by", () => {
  const issuers = [fleet.issuer("issuer"), fleet.issuer("b")];
  const root = fleet.root({ issuers });
  const revoked = fleet.revocation("x", [], { issuedS: T + 2 * DAY_S });
  const charter = charterOf([revoked], { root: TestAuthority.idOf(root) });
  const wallMs = (T + 3 * DAY_S) * 1_000;
  const first = started([root, revoked, charter], wallMs);
  const his = { signer: fleet.key("b"), issuedS: T + DAY_S };
  submit(first, fleet.revocation("y", [], his));
  const again = (rows: ReadonlyMap<string, Uint8Array>): CoreRig => {
    const rig = new CoreRig("v", { fleet: fleet.fleet, wallMs, rows: new Map(rows) });
    rig.start();
    return rig;
  };
  const isStale = (rig: CoreRig): boolean => rig.core.authority(rig.now).isStale;
  const second = again(first.rows);
  expect([isStale(first), isStale(second)]).toEqual([false, false]);
  // And so it goes on.
  submit(second, fleet.revocation("z", [], his));
  expect(isStale(again(second.rows))).toBe(false);
  for (const lost of [revoked, fleet.revocation("z", [], his)]) {
    const rows = new Map(second.rows);
    expect(rows.delete(`authority/${TestAuthority.idOf(lost)}`)).toBe(true);
    expect(isStale(again(rows))).toBe(true);
  }
  const damaged = new Map(second.rows).set(MARKS_ROW, codec.encode([T, "many", null]));
  const last = again(damaged);
  expect([isStale(last), last.core.authority(last.now).badRows]).toEqual([true, 1]);
});

test("ME2 two charters with one number are said, and in the audit log", () => {
  const rig = started([ROOT, charterOf([])], T * 1_000);
  const effects = submit(rig, charterOf([], { issuedS: T }));
  const events = effects.flatMap((each) => (each.type === "emit" ? [each.event] : []));
  expect(events).toContainEqual(expect.objectContaining({ type: "charter-disputed", number: 9 }));
  const written = effects.flatMap((each) => (each.type === "persist" ? each.ops : []));
  const texts = written.map((op) => (op.type === "put" ? Buffer.from(op.value).toString() : ""));
  expect(texts.some((text) => text.includes("charter-disputed"))).toBe(true);
});
