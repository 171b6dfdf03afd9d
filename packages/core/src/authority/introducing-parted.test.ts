/** What a node asks of a member that does not let it in, and what it tells whom it lets in no longer (rule ME2, ADR 0034). */
import { CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { GRANTEES_MAX } from "./introducing.ts";
import {
  by,
  codec,
  fleet,
  grantBy,
  hello,
  idOf,
  OWN,
  publish,
  R1,
  R2,
  rootOf,
  show,
  start,
  T,
  THIEF,
  upon,
} from "./introducing.test-support.ts";

const GRANT_B = fleet.grant("b");
const voids = [{ key: fleet.key("issuer"), kept: [] }];
/** Nobody is a member by it who was one. */
const VOID = upon(R1, 2, { ...by("thief"), voids });

const isPuzzledBy = (rig: CoreRig, node: string): boolean => rig.core.introducing.lacksRowOf(node);

test("ME2 a member that does not let this node in is asked for its row, and no other: not a stranger, and nobody where this node is no member itself, or all are", () => {
  const rig = start([R1, OWN, GRANT_B]);
  expect([isPuzzledBy(rig, "b"), isPuzzledBy(rig, "x")]).toEqual([true, false]);
  publish(rig, [fleet.revocation("b")]);
  expect(isPuzzledBy(rig, "b")).toBe(false);
  const out = start([R1, OWN, GRANT_B]);
  publish(out, [fleet.revocation("a")]);
  const ended = start([R1, fleet.grant("a", { expS: T + 60 }), GRANT_B], undefined, 1);
  const open = start([]);
  for (const each of [out, ended, open]) expect(isPuzzledBy(each, "b")).toBe(false);
});

test("ME2 what a member says when it is asked counts as what it says by sync, a statement by which nobody is a member any more included, and a rival is held", () => {
  const rig = start([R1, OWN, GRANT_B]);
  const effects = show(rig, "b", [R1, VOID]);
  expect(effects).toContainEqual({
    type: "emit",
    event: { type: "root-row", from: "b", result: "taken" },
  });
  expect([rootOf(rig), isPuzzledBy(rig, "b")]).toEqual([idOf(VOID), false]);
  expect(rig.core.authority(rig.now).grants).toEqual([]);
  const [small = "", large = ""] = [R2, THIEF].toSorted((x, y) => (idOf(x) < idOf(y) ? -1 : 1));
  const disputing = start([R1, small, OWN, GRANT_B]);
  show(disputing, "b", [R1, large]);
  const { disputedRoots } = disputing.core.authority(disputing.now);
  expect([rootOf(disputing), disputedRoots]).toEqual([idOf(small), [2]]);
});

test.each([
  ["known", [R1]],
  ["beside", [R1, upon(R2, 3, by("second"))]],
  ["malformed", [R1, 7]],
  ["beside", [fleet.grant("c"), VOID]],
] as const)("ME2, P6 what a member says in vain changes nothing: %s", (result, row) => {
  const rig = start([R1, OWN, GRANT_B]);
  const effects = show(rig, "b", row);
  expect(effects).toContainEqual({
    type: "emit",
    event: { type: "root-row", from: "b", result },
  });
  expect([rootOf(rig), isPuzzledBy(rig, "b")]).toEqual([idOf(R1), true]);
});

/** What such a node is told. */
function told(rig: CoreRig, node: string, grant: string): unknown {
  const row = rig.core.introducing.formerRow(node, grant);
  return row === undefined ? undefined : codec.decode(row);
}

test("ME2 who is let in no longer is told the row where it shows a grant that is held here for it, be it void, ended or of a revoked node", () => {
  const rig = start([R1, OWN, GRANT_B]);
  publish(rig, [VOID]);
  expect(hello(rig, "b", GRANT_B)).toBe("grant-unknown");
  expect(told(rig, "b", GRANT_B)).toEqual([R1, VOID]);
  const revoking = start([R1, OWN, GRANT_B]);
  publish(revoking, [fleet.revocation("b")]);
  expect(hello(revoking, "b", GRANT_B)).toBe("revoked");
  expect(told(revoking, "b", GRANT_B)).toEqual([R1]);
});

test("ME2 so it is where the grant was renewed, or given, where it was not heard here, by an issuer that is or was one, be it void by now or named by a rival alone", () => {
  const rig = start([R1, OWN, GRANT_B]);
  publish(rig, [VOID]);
  const renewed = fleet.grant("b", { issuedS: T + 500 });
  expect(hello(rig, "b", renewed)).toBe("grant-unknown");
  expect(told(rig, "b", renewed)).toEqual([R1, VOID]);
  expect(told(rig, "c", fleet.grant("c"))).toEqual([R1, VOID]);
  const [small = "", large = ""] = [R2, THIEF].toSorted((x, y) => (idOf(x) < idOf(y) ? -1 : 1));
  const disputing = start([R1, small, OWN, GRANT_B]);
  publish(disputing, [large]);
  const byRival = grantBy(large === R2 ? "second" : "thief", "b");
  expect(told(disputing, "b", byRival)).toEqual([R1, small]);
});

test("ME2, P6 whose grant is another's, of another fleet, by nobody who was ever an issuer here, or not signed by whom it names, is told nothing", () => {
  const rig = start([R1, OWN, GRANT_B]);
  publish(rig, [VOID]);
  const elsewhere = new TestAuthority("elsewhere");
  const made = [
    fleet.grant("c"),
    elsewhere.grant("b"),
    elsewhere.grant("b", { signer: fleet.key("issuer") }),
    grantBy("nobody", "b"),
    grantBy("root 1", "b"),
    fleet.revocation("b"),
    fleet.grant("b", { issuedS: T + 500 }).slice(0, -5) + '..."]',
  ];
  expect(made.map((grant) => told(rig, "b", grant))).toEqual(made.map(() => undefined));
  expect(told(rig, "x", GRANT_B)).toBeUndefined();
});

test("ME2, P6 of a grant that is shown again the signature is not looked at again, be it good or not, for GRANTEES_MAX of them", () => {
  const ports = createTestPorts("a");
  let reads = 0;
  const tokens = { ...ports.tokens, read: (token: string) => (reads++, ports.tokens.read(token)) };
  const rig = new CoreRig("a", {
    fleet: fleet.fleet,
    config: { statements: [R1, OWN] },
    ports: { ...ports, tokens },
  });
  rig.start();
  const bad = `${fleet.grant("b").slice(0, -5)}..."]`;
  const row = (node: string, grant: string): unknown => told(rig, node, grant);
  reads = 0;
  for (let at = 0; at < 2; at += 1)
    expect([row("b", GRANT_B), row("c", GRANT_B), row("b", bad)]).toEqual([
      [R1],
      undefined,
      undefined,
    ]);
  const once = reads;
  for (let at = 0; at < GRANTEES_MAX - 1; at += 1) row(`n${at}`, fleet.grant(`n${at}`));
  expect(reads).toBe(once + GRANTEES_MAX - 1);
  expect([row("b", GRANT_B), once, reads]).toEqual([[R1], 2, 2 + GRANTEES_MAX]);
});

test("ME2 the row is written anew where another one stands, and not for each who asks", () => {
  const rig = start([R1, OWN, GRANT_B]);
  const row = rig.core.introducing.rootRow();
  expect(rig.core.introducing.rootRow()).toBe(row);
  publish(rig, [VOID]);
  expect(codec.decode(rig.core.introducing.rootRow())).toEqual([R1, VOID]);
});
