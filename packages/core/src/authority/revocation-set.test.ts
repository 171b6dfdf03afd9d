/** What revocations may take of memory and time, whoever has an issuer's key. */
import { AUTHORITY_EPOCH_S, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { SNAPSHOT_PARTS_MAX } from "../chain/limits.ts";
import { coreConfig } from "../config.ts";
import { Authority } from "./authority.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { REVOCATIONS_BYTES_MAX, REVOCATIONS_MAX } from "./revocation-set.ts";

const fleet = new TestAuthority();
const T = AUTHORITY_EPOCH_S;
const idOf = TestAuthority.idOf;
const issuers = [fleet.issuer("issuer"), fleet.issuer("thief")];
const ROOT = fleet.root({ issuers });
const HIS = { signer: fleet.key("thief"), reason: "x".repeat(128) };

function createAuthority(ports: ReturnType<typeof createTestPorts>): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const authority = new Authority({ ports, identity, config: coreConfig() });
  authority.take(ROOT);
  return authority;
}

const parts = Array.from({ length: SNAPSHOT_PARTS_MAX }, (_, i) =>
  i.toString(16).padStart(64, "0"),
);
const cutOf = (document: "reported" | "desired", partCount: number) =>
  ({
    document,
    epoch: 1,
    seq: 1,
    hash: "a".repeat(64),
    parts: parts.slice(0, partCount),
    robots: 1,
  }) as const;
/** About as long as a statement can be. */
const long = (i: number): string =>
  fleet.revocation(`f${i}`, [cutOf("reported", 160), cutOf("desired", 150)], HIS);

test("P6 ME1 REVOCATIONS_BYTES_MAX of revocations count, however few they are, and there is room again once their issuer is void", () => {
  const authority = createAuthority(createTestPorts("self"));
  expect(long(0).length).toBeGreaterThan(0.7 * STATEMENT_LENGTH_MAX);
  let bytes = 0;
  let count = 0;
  for (; count < REVOCATIONS_MAX; count++) {
    const token = long(count);
    const result = authority.take(token);
    if (bytes + token.length > REVOCATIONS_BYTES_MAX) {
      expect(result).toEqual({ status: "refused", code: "authority-full" });
      break;
    }
    expect(result.status).toBe("new");
    bytes += token.length;
  }
  expect(authority.revocations()).toHaveLength(count);
  expect(authority.revocationsBytes).toBe(bytes);
  expect(count).toBeLessThan(REVOCATIONS_MAX / 10);
  const void2 = fleet.root({
    number: 2,
    previous: idOf(ROOT),
    issuers: issuers.slice(0, 1),
    voids: [{ key: HIS.signer, kept: [] }],
    issuedS: T + 10,
  });
  expect(authority.take(void2).status).toBe("new");
  for (let i = 0; i < 100; i++)
    expect(authority.take(fleet.revocation(`n${i}`)).status).toBe("new");
  expect(authority.revocations()).toHaveLength(100);
});

test("P6 ME1 REVOCATIONS_BYTES_MAX has room for REVOCATIONS_MAX usual ones, of nodes whose names are as long as peer ids", () => {
  const cuts = [cutOf("reported", 1), cutOf("desired", 1)];
  const usual = fleet.revocation(`12D3KooW${"x".repeat(44)}`, cuts, { reason: "stolen" });
  expect(usual.length * REVOCATIONS_MAX).toBeLessThan(REVOCATIONS_BYTES_MAX);
});

test("ME3 P6 what is revoked after the charter has no other revocation looked at, and what is dated before it has", () => {
  const ports = createTestPorts("self");
  let hashed = 0;
  const counting = {
    ...ports,
    hash: { sha256: (bytes: Uint8Array) => (hashed++, ports.hash.sha256(bytes)) },
  };
  const authority = createAuthority(counting);
  const known = ["b", "a", "c"].map((node) => fleet.revocation(node));
  const ids = known.map(idOf).toSorted();
  const revocationsHash = Buffer.from(ports.hash.sha256(ports.codec.encode(ids))).toString("hex");
  const charter = fleet.charter(ROOT, { revocations: 3, revocationsHash });
  for (const token of [...known, charter]) authority.take(token);
  expect(authority.isLacking).toBe(false);
  const later = Array.from({ length: 50 }, (_, i) =>
    fleet.revocation(`n${i}`, [], { issuedS: T + 2 }),
  );
  for (const token of later) {
    authority.take(token);
    hashed = 0;
    expect([authority.isLacking, hashed]).toEqual([false, 0]);
  }
  authority.take(fleet.revocation("before", [], { issuedS: T }));
  expect(authority.isLacking).toBe(true);
});
