import {
  AUTHORITY_EPOCH_S,
  createTestPorts,
  signTestToken,
  TestAuthority,
  testTokens,
} from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { readClaims, TOKEN_TYPES, writeClaims, type Claims } from "./claims.ts";
import {
  CUTS_MAX,
  GRANT_LENGTH_MAX,
  GRANT_LIFE_S_MAX,
  ISSUERS_MAX,
  KEPT_MAX,
  NUMBER_MAX,
  REASON_LENGTH_MAX,
  ROBOT_PATTERNS_MAX,
  SECONDS_MAX,
  STATEMENT_LENGTH_MAX,
} from "./limits.ts";
import { openStatement } from "./statement.ts";

const fleet = new TestAuthority();
const ROOT = fleet.root();
const HASH = "a".repeat(64);
const CUT = {
  document: "reported",
  epoch: 5,
  seq: 9,
  hash: HASH,
  parts: [HASH],
  robots: 1,
} as const;
const TOKENS: Readonly<Record<Claims["kind"], string>> = {
  root: ROOT,
  charter: fleet.charter(ROOT),
  grant: fleet.grant("n1"),
  revocation: fleet.revocation("n1", [CUT]),
};

function read(token: string): ReturnType<typeof readClaims> {
  const opened = testTokens.read(token);
  if (opened === undefined) throw new Error("The token must be readable.");
  return readClaims(opened, fleet.fleet);
}

/** The token of `kind` with some claims replaced, signed by who signed it. */
function changed(kind: Claims["kind"], claims: Readonly<Record<string, unknown>>): string {
  const opened = testTokens.read(TOKENS[kind]);
  if (opened === undefined) throw new Error("The token must be readable.");
  return signTestToken({ ...opened, claims: { ...(opened.claims as object), ...claims } });
}

function isRead(kind: Claims["kind"], claims: Readonly<Record<string, unknown>>): boolean {
  return read(changed(kind, claims)).ok;
}

function lengthCode(token: string): string {
  const identity = { fleet: fleet.fleet, self: "a", name: "a", region: "r", agent: "t" };
  const env: Env = {
    identity,
    ports: createTestPorts("a"),
    config: coreConfig(),
    out: new Outbox(),
  };
  const result = openStatement(env, token);
  return result.ok ? "ok" : result.code;
}

function many<T>(count: number, item: (i: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, i) => item(i));
}

test.each(Object.entries(TOKENS))("ME1 what a %s says is read as it was written", (kind, token) => {
  const result = read(token);
  if (!result.ok) throw new Error(result.code);
  expect(result.claims.kind).toBe(kind);
  const type = TOKEN_TYPES[result.claims.kind];
  const claims = writeClaims(result.claims, fleet.fleet);
  expect(signTestToken({ type, signer: result.claims.signer, claims })).toBe(token);
});

test("ME1, SG1 a statement of one kind is none of another kind, and none of another fleet or signer", () => {
  const opened = testTokens.read(TOKENS.grant);
  if (opened === undefined) throw new Error("The token must be readable.");
  for (const type of [...Object.values(TOKEN_TYPES), "JWT", ""]) {
    const isGrant = type === TOKEN_TYPES.grant;
    expect(readClaims({ ...opened, type }, fleet.fleet).ok).toBe(isGrant);
  }
  expect(readClaims(opened, "other")).toEqual({ ok: false, code: "fleet-foreign" });
  expect(readClaims({ ...opened, signer: fleet.key("thief") }, fleet.fleet)).toMatchObject({
    code: "statement-malformed",
  });
});

test("SG2 claims of other names are left to later versions", () => {
  for (const kind of Object.keys(TOKENS) as readonly Claims["kind"][])
    expect(isRead(kind, { later: { anything: 1 } })).toBe(true);
});

describe("ME1 a statement with one claim that is wrong says nothing at all", () => {
  const wrong: Readonly<Record<Claims["kind"], Readonly<Record<string, readonly unknown[]>>>> = {
    root: {
      iat: [-1, 1.5, "1", null, SECONDS_MAX + 1],
      num: [0, -1, 1.5, "1", NUMBER_MAX + 1],
      prev: [HASH, 7],
      next: [null, "", HASH.slice(1), HASH.toUpperCase()],
      charter: [null, "short", `${"a".repeat(51)}1`],
      issuers: [null, {}, [{}], [null], [fleet.issuer("x")]],
      void: [
        null,
        [{ key: fleet.key("x") }],
        [{ key: "x", kept: [] }],
        [{ key: fleet.key("x"), kept: [1] }],
      ],
    },
    charter: {
      num: [0, 2],
      root: [null, "x"],
      revocations: [-1, "0", NUMBER_MAX + 1],
      revoked: [null, "x"],
    },
    grant: {
      sub: [null, "", "../x", "n".repeat(81), 7],
      roles: [null, [], ["king"], ["robot", "robot"], ["observer", "robot"], "robot"],
      robots: [null, "*", ["**"], ["a*b"], [""], [7], ["-a"], ["a b"]],
      region: [null, "", "r".repeat(65)],
      audit: [null, "x"],
      cosign: [null, "x"],
      nbf: [null, -1, AUTHORITY_EPOCH_S + 14 * 86_400],
      exp: [null, 0, AUTHORITY_EPOCH_S],
    },
    revocation: {
      sub: [null, ""],
      reason: [null, 7],
      cuts: [
        null,
        [{}],
        [{ ...CUT, document: "other" }],
        [{ ...CUT, epoch: 0 }],
        [{ ...CUT, parts: ["x"] }],
        [CUT, CUT],
      ],
    },
  };
  for (const [kind, claims] of Object.entries(wrong)) {
    test.each(Object.entries(claims))(`${kind}: %s`, (name, values) => {
      for (const value of values)
        expect([name, value, isRead(kind as Claims["kind"], { [name]: value })]).toEqual([
          name,
          value,
          false,
        ]);
      expect(isRead(kind as Claims["kind"], {})).toBe(true);
    });
  }
});

test("ME1, P6 a root statement names ISSUERS_MAX issuers at most, and KEPT_MAX statements of one that is void", () => {
  const issuer = (i: number): unknown => {
    const { key, expS: exp, roles, robots } = fleet.issuer(`i${i}`);
    return { key, exp, roles, robots };
  };
  expect(isRead("root", { issuers: many(ISSUERS_MAX, issuer) })).toBe(true);
  expect(isRead("root", { issuers: many(ISSUERS_MAX + 1, issuer) })).toBe(false);
  expect(isRead("root", { issuers: [issuer(1), issuer(1)] })).toBe(false);
  const voids = (count: number): unknown => [
    { key: fleet.key("x"), kept: many(count, () => HASH) },
  ];
  expect(isRead("root", { void: voids(KEPT_MAX) })).toBe(true);
  expect(isRead("root", { void: voids(KEPT_MAX + 1) })).toBe(false);
});

test("ME1, P6 a grant has ROBOT_PATTERNS_MAX patterns at most and lives for GRANT_LIFE_S_MAX at most", () => {
  expect(isRead("grant", { robots: many(ROBOT_PATTERNS_MAX, (i) => `r${i}*`) })).toBe(true);
  expect(isRead("grant", { robots: many(ROBOT_PATTERNS_MAX + 1, (i) => `r${i}*`) })).toBe(false);
  expect(isRead("grant", { exp: AUTHORITY_EPOCH_S + GRANT_LIFE_S_MAX })).toBe(true);
  expect(isRead("grant", { exp: AUTHORITY_EPOCH_S + GRANT_LIFE_S_MAX + 1 })).toBe(false);
});

test("ME1, P6 a revocation has a reason of REASON_LENGTH_MAX characters at most; CUTS_MAX is more than there are documents", () => {
  expect(isRead("revocation", { reason: "r".repeat(REASON_LENGTH_MAX) })).toBe(true);
  expect(isRead("revocation", { reason: "r".repeat(REASON_LENGTH_MAX + 1) })).toBe(false);
  expect(isRead("revocation", { cuts: many(CUTS_MAX + 1, () => CUT) })).toBe(false);
});

test("ME1, P6 numbers reach NUMBER_MAX and times SECONDS_MAX", () => {
  expect(isRead("charter", { num: NUMBER_MAX, prev: HASH })).toBe(true);
  expect(isRead("charter", { iat: SECONDS_MAX })).toBe(true);
  expect(isRead("charter", { iat: SECONDS_MAX + 1 })).toBe(false);
});

test("ME1, P6 a grant's token has GRANT_LENGTH_MAX characters at most, any other STATEMENT_LENGTH_MAX", () => {
  const padded = (kind: Claims["kind"], length: number): string => {
    const bare = changed(kind, { pad: "" }).length;
    return changed(kind, { pad: "p".repeat(length - bare) });
  };
  expect(lengthCode(padded("grant", GRANT_LENGTH_MAX))).toBe("ok");
  expect(lengthCode(padded("grant", GRANT_LENGTH_MAX + 1))).toBe("statement-oversized");
  expect(lengthCode(padded("root", STATEMENT_LENGTH_MAX))).toBe("ok");
  expect(lengthCode(padded("root", STATEMENT_LENGTH_MAX + 1))).toBe("statement-oversized");
});
