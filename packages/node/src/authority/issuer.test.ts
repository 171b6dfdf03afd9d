import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Claims,
  CLOCK_LEEWAY_MS,
  dagCborCodec,
  idsHash,
  NUMBER_MAX,
  readClaims,
  type GrantClaims,
} from "@pulsemesh/core";
import { afterEach, assert, beforeEach, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { sha256 } from "../ports/sha256.ts";
import { tokenPort } from "../ports/tokens.ts";
import { IssuerRig, makeMember, requestOf, START_S } from "./enrolment.test-support.ts";
import {
  CHARTER_EVERY_MS,
  GRANT_LIFE_MS,
  isCharterDue,
  isRenewalDue,
  RENEWAL_MS_MAX,
} from "./issuer.ts";

const DAY_S = 86_400;
const member = makeMember();
const terms = { roles: ["robot"], robots: ["zap-*"] } as const;

let rig: IssuerRig;
beforeEach(() => {
  rig = new IssuerRig(mkdtempSync(join(tmpdir(), "pulsemesh-issuer-")));
});
afterEach(() => rmSync(rig.dir, { recursive: true, force: true }));

/** The claims of a token, as any node of the fleet reads them. */
function claimsOf(token: string): Claims {
  const read = tokenPort.read(token);
  assert(read !== undefined);
  const result = readClaims(read, rig.fleet);
  assert(result.ok);
  return result.claims;
}

async function granted(token: Promise<string>): Promise<GrantClaims> {
  const claims = claimsOf(await token);
  assert(claims.kind === "grant");
  rig.grants.set(claims.node, claims);
  return claims;
}

test("ME1 ME7 a grant is for the keys that signed the request, for 14 days from now", async () => {
  expect(await granted(rig.start().grant(requestOf(member, rig.fleet), terms))).toEqual({
    kind: "grant",
    signer: encodeBase32(rig.key.publicKey),
    node: member.id,
    roles: ["robot"],
    robots: ["zap-*"],
    region: "eu",
    auditKey: encodeBase32(member.audit.publicKey),
    cosignKey: encodeBase32(member.cosign.publicKey),
    notBeforeS: START_S,
    expS: START_S + 14 * DAY_S,
    issuedS: START_S,
  });
  const own = { ...terms, region: "us", lifeMs: DAY_S * 1_000 };
  expect(await granted(rig.start().grant(requestOf(member), own))).toMatchObject({
    region: "us",
    expS: START_S + DAY_S,
    // In the same second, and still the later one.
    issuedS: START_S + 1,
  });
});

test("ME1 nothing beyond the issuer's own roles, robots and time is signed", async () => {
  const issuer = rig.start();
  const request = requestOf(member);
  const beyond = { code: "grant-beyond" };
  for (const wide of [
    { ...terms, roles: ["robot", "operator"] as const },
    { ...terms, robots: ["*"] },
    { ...terms, robots: ["zap-1", "zap*"] },
  ]) {
    await expect(issuer.grant(request, wide)).rejects.toMatchObject(beyond);
    expect(() => issuer.invite({ ...wide, addresses: [], ttlMs: 60_000 })).toThrow(
      expect.objectContaining(beyond),
    );
  }
  await expect(issuer.grant(request, { ...terms, robots: ["zap-1", "zap-e*"] })).resolves.toContain(
    ".",
  );
  rig.pass(90 * DAY_S * 1_000);
  await expect(issuer.grant(request, terms)).rejects.toMatchObject(beyond);
  expect(issuer.invites).toEqual([]);
});

test("ME7 what is asked for another fleet, or by nobody, is not granted", async () => {
  const issuer = rig.start();
  const other = encodeBase32(member.node.publicKey);
  await expect(issuer.grant(requestOf(member, other), terms)).rejects.toMatchObject({
    code: "fleet-foreign",
  });
  await expect(issuer.grant("pulsemesh-request:x", terms)).rejects.toMatchObject({
    code: "request-malformed",
  });
  await expect(
    issuer.grant(requestOf(member), { ...terms, lifeMs: 32 * DAY_S * 1_000 }),
  ).rejects.toMatchObject({ code: "statement-malformed" });
});

test("ME3 a member's grant is renewed as it is, from half of its life on", async () => {
  const issuer = rig.start();
  const first = await granted(issuer.grant(requestOf(member), { ...terms, region: "us" }));
  const halfMs = GRANT_LIFE_MS / 2;
  expect(isRenewalDue(first, rig.now.wallMs + halfMs - 1)).toBe(false);
  expect(isRenewalDue(first, rig.now.wallMs + halfMs)).toBe(true);
  rig.pass(halfMs);
  const at = { notBeforeS: START_S + 7 * DAY_S, expS: START_S + 21 * DAY_S };
  expect(await granted(issuer.renew(member.id))).toEqual({
    ...first,
    ...at,
    issuedS: at.notBeforeS,
  });
});

test("ME3 P6 RENEWAL_MS_MAX after its end a grant is renewed no more, a revoked one never", async () => {
  const issuer = rig.start();
  await expect(issuer.renew(member.id)).rejects.toMatchObject({ code: "grant-none" });
  await granted(issuer.grant(requestOf(member), terms));
  // The issuer's own key has to last as long.
  const bounds = { expS: START_S + 400 * DAY_S, ...terms };
  rig.pass(GRANT_LIFE_MS + RENEWAL_MS_MAX);
  await expect(rig.start({ bounds }).renew(member.id)).resolves.toContain(".");
  rig.pass(1_000);
  await expect(rig.start({ bounds }).renew(member.id)).rejects.toMatchObject({
    code: "grant-none",
  });
  rig.pass(-RENEWAL_MS_MAX);
  rig.revoked.add(member.id);
  const revoked = { code: "key-revoked" };
  await expect(rig.start({ bounds }).renew(member.id)).rejects.toMatchObject(revoked);
  await expect(rig.start({ bounds }).grant(requestOf(member), terms)).rejects.toMatchObject(
    revoked,
  );
});

test("ME3 a clock that was turned back does not make a grant older than the one before", async () => {
  const issuer = rig.start();
  const first = await granted(issuer.grant(requestOf(member), terms));
  rig.pass(-DAY_S * 1_000);
  const second = await granted(issuer.renew(member.id));
  expect(second.issuedS).toBeGreaterThan(first.issuedS);
  expect(second.notBeforeS).toBe(START_S - DAY_S);
});

test("ME1 a revocation names the node and where its chains end", async () => {
  const hash = "ab".repeat(32);
  const cut = { document: "reported", epoch: 3, seq: 7, hash, parts: [hash], robots: 1 } as const;
  const token = await rig.start().revoke(member.id, "stolen laptop", [cut]);
  expect(claimsOf(token)).toMatchObject({
    kind: "revocation",
    node: member.id,
    reason: "stolen laptop",
    cuts: [cut],
    issuedS: START_S,
  });
  await expect(rig.start().revoke(member.id, "x".repeat(129), [])).rejects.toMatchObject({
    code: "statement-malformed",
  });
});

test("ME2 charters are numbered and linked, hold the hash of all revocations in any order, and are due every 6 h", async () => {
  const issuer = rig.start();
  const [root, a, b] = ["0a", "0b", "0c"].map((text) => text.repeat(32)) as [
    string,
    string,
    string,
  ];
  const first = claimsOf(await issuer.charter({ root, revocations: [], previous: undefined }));
  expect(first).toMatchObject({ kind: "charter", number: 1, previous: undefined, root });
  const previous = { id: a, number: 1 };
  const second = await issuer.charter({ root, revocations: [a, b], previous });
  expect(await issuer.charter({ root, revocations: [b, a], previous })).toBe(second);
  expect(claimsOf(second)).toMatchObject({
    number: 2,
    previous: a,
    revocations: 2,
    revocationsHash: idsHash({ codec: dagCborCodec, hash: { sha256 } }, [a, b]),
    issuedS: START_S,
  });
  await expect(
    issuer.charter({ root, revocations: [], previous: { id: a, number: NUMBER_MAX } }),
  ).rejects.toMatchObject({ code: "statement-malformed" });
  expect(isCharterDue(undefined, 0)).toBe(true);
  expect(isCharterDue(START_S, START_S * 1_000 + CHARTER_EVERY_MS - 1)).toBe(false);
  expect(isCharterDue(START_S, START_S * 1_000 + CHARTER_EVERY_MS)).toBe(true);
  // Of the future it is no news to anybody; a clock of 1970 makes none so.
  expect(isCharterDue(START_S, START_S * 1_000 - CLOCK_LEEWAY_MS)).toBe(false);
  expect(isCharterDue(START_S, START_S * 1_000 - CLOCK_LEEWAY_MS - 1)).toBe(true);
  expect(isCharterDue(START_S, 0)).toBe(false);
});
