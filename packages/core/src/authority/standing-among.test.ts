import { AUTHORITY_EPOCH_S, createTestPorts, RIG_WALL_MS, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { standingAmong } from "./standing-among.ts";

const fleet = new TestAuthority();
const one = fleet.root();
const two = fleet.root({
  number: 2,
  previous: TestAuthority.idOf(one),
  issuers: [fleet.issuer("second")],
  charterKey: fleet.key("second"),
  voids: [{ key: fleet.key("issuer"), kept: [] }],
});
const grant = fleet.grant("n");

/** The node's standing by what lies there in this order, `laterS` after everything was issued. */
function standing(tokens: readonly string[], laterS = 0): string {
  const wallMs = RIG_WALL_MS + laterS * 1_000;
  const who = { fleet: fleet.fleet, node: "n", wallMs };
  return standingAmong(createTestPorts("n"), tokens, who).kind;
}

test("ME3 what lies on a disk says what a node is, in whatever order it lies there", () => {
  const rows = [fleet.grant("m"), "damaged", grant, fleet.revocation("m"), one];
  expect(standing(rows)).toBe("granted");
  expect(standing(rows.toReversed())).toBe("granted");
  expect(standing([grant])).toBe("open");
  expect(standing([one])).toBe("none");
  expect(standing([fleet.revocation("n"), ...rows])).toBe("revoked");
  for (const both of [
    [two, one],
    [one, two],
  ])
    expect(standing([grant, ...both])).toBe("none");
});

test("ME3 of several grants the newest one says when it ends", () => {
  const days = 86_400;
  const issuedS = AUTHORITY_EPOCH_S + 20 * days;
  const renewal = fleet.grant("n", { issuedS, notBeforeS: issuedS, expS: issuedS + 14 * days });
  expect(standing([grant, one], 20 * days)).toBe("expired");
  expect(standing([renewal, grant, one], 20 * days)).toBe("granted");
  expect(standing([grant, renewal, one], 40 * days)).toBe("expired");
});

test("ME2 root statements on a disk are judged as one set: the rival that a thief of a replaced key has signed makes nobody a stranger", () => {
  const upon = (before: string, number: number, issuedS: number, claims: object = {}): string =>
    fleet.root({ number, previous: TestAuthority.idOf(before), issuedS, ...claims });
  const next = { signer: fleet.key("root 2"), nextRootHash: fleet.keyHash("root 3") };
  const second = upon(one, 2, AUTHORITY_EPOCH_S + 1, { issuers: [fleet.issuer("second")] });
  const third = upon(second, 3, AUTHORITY_EPOCH_S + 2);
  const rotation = upon(third, 4, AUTHORITY_EPOCH_S + 3, next);
  const rival = (at: number): string => upon(one, 2, AUTHORITY_EPOCH_S + 100 + at, { issuers: [] });
  // Every other one has the smaller id.
  for (let at = 0; at < 8; at++) {
    const rows = [
      one,
      second,
      third,
      rotation,
      rival(at),
      fleet.grant("n", { signer: fleet.key("second") }),
    ];
    expect(standing(rows), `rival ${at}`).toBe("granted");
    expect(standing(rows.toReversed()), `rival ${at}`).toBe("granted");
  }
});
