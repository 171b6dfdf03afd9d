import type { AuthorityView } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { authoritySchema } from "../json/authority.ts";
import { buildServer } from "../server.ts";

const AT_MS = 1_800_000_000_000;
const AT = "2027-01-15T08:00:00.000Z";
const ID = "ab".repeat(32);

const closed: AuthorityView = {
  isClosed: true,
  root: {
    id: ID,
    number: 2,
    atWallMs: AT_MS,
    key: "root",
    charterKey: "charter",
    issuers: [{ key: "issuer", expS: AT_MS / 1_000, roles: ["robot"], robots: ["*"] }],
    voids: ["thief"],
  },
  disputedRoots: [2],
  unansweredRoots: [2],
  charter: {
    id: ID,
    number: 7,
    atWallMs: AT_MS,
    root: ID,
    revocations: 1,
    revocationsHash: ID,
    isDisputed: true,
  },
  isStale: true,
  newsWallMs: AT_MS,
  grants: [
    {
      id: "cd".repeat(32),
      node: "12D3KooWBeta",
      standing: "honoured",
      roles: ["robot"],
      robots: ["zap-*"],
      region: "eu",
      issuer: "issuer",
      notBeforeWallMs: AT_MS,
      expWallMs: AT_MS,
      claims: {
        kind: "grant",
        signer: "issuer",
        node: "12D3KooWBeta",
        roles: ["robot"],
        robots: ["zap-*"],
        region: "eu",
        auditKey: "audit",
        cosignKey: "cosign",
        notBeforeS: AT_MS / 1_000,
        expS: AT_MS / 1_000,
        issuedS: AT_MS / 1_000,
      },
      hasLeft: false,
    },
  ],
  superseded: [
    {
      id: "aa".repeat(32),
      node: "12D3KooWBeta",
      roles: ["operator"],
      issuer: "issuer",
      issuedWallMs: AT_MS,
      expWallMs: AT_MS,
    },
  ],
  revocations: [
    {
      id: "ef".repeat(32),
      node: "12D3KooWEve",
      name: "eve",
      reason: "stolen",
      by: "issuer",
      atWallMs: AT_MS,
    },
  ],
  revocationIds: [],
  enrolment: ["a.b.c"],
  isCompared: true,
  revocationsBytes: 700,
  badRows: 0,
  missingParts: 0,
};

test("HT35 an open fleet says so, and that it has no root", async () => {
  const app = buildServer(new ScriptedNode(), { localOnly: true });
  const answer = await app.inject("/api/v1/authority");
  expect(authoritySchema.parse(answer.json())).toEqual({
    fleet: "fleetfleetfleet",
    closed: false,
    stale: false,
    news_at: null,
    root: null,
    charter: null,
    statements: [],
    grants: [],
    superseded: [],
    revoked: [],
  });
});

test("HT35 a closed fleet shows by whose word who is a member, and until when", async () => {
  const node = new ScriptedNode();
  node.authority = closed;
  const answer = await buildServer(node, { localOnly: true }).inject("/api/v1/authority");
  expect(authoritySchema.parse(answer.json())).toEqual({
    fleet: "fleetfleetfleet",
    closed: true,
    stale: true,
    news_at: AT,
    root: {
      id: ID,
      number: 2,
      at: AT,
      key: "root",
      charter_key: "charter",
      issuers: [{ key: "issuer", roles: ["robot"], robots: ["*"], expires: AT }],
      void: ["thief"],
      disputed: [2],
      unanswered: [2],
    },
    charter: { id: ID, number: 7, at: AT, disputed: true },
    statements: ["a.b.c"],
    grants: [
      {
        id: "12D3KooWBeta",
        statement: "cd".repeat(32),
        name: "beta",
        standing: "honoured",
        roles: ["robot"],
        robots: ["zap-*"],
        region: "eu",
        issuer: "issuer",
        not_before: AT,
        expires: AT,
      },
    ],
    superseded: [
      {
        id: "12D3KooWBeta",
        statement: "aa".repeat(32),
        roles: ["operator"],
        issuer: "issuer",
        at: AT,
        expires: AT,
      },
    ],
    revoked: [
      {
        id: "12D3KooWEve",
        statement: "ef".repeat(32),
        name: "eve",
        reason: "stolen",
        by: "issuer",
        at: AT,
      },
    ],
  });
});

test("HT35 a statement is handed to the node as it was signed, and answered once it is held", async () => {
  const node = new ScriptedNode();
  const app = buildServer(node, { localOnly: true });
  const post = async (payload: string) =>
    app.inject({
      method: "POST",
      url: "/api/v1/authority/statements",
      headers: { "content-type": "application/json" },
      payload,
    });
  expect((await post('{"token":"a.b.c"}')).statusCode).toBe(204);
  expect(node.commands).toEqual([{ type: "statement", token: "a.b.c" }]);
  expect((await post('{"tokens":["a.b.c","d.e.f"]}')).statusCode).toBe(204);
  expect(node.commands[1]).toEqual({ type: "statements", tokens: ["a.b.c", "d.e.f"] });
  const tooMany = JSON.stringify({ tokens: Array.from({ length: 129 }, () => "a.b.c") });
  for (const body of [
    '{"token":7}',
    '{"tokens":[]}',
    '{"tokens":["a.b.c",7]}',
    tooMany,
    "{}",
    "[]",
    '"a.b.c"',
    "null",
  ]) {
    const answer = await post(body);
    expect([body, answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
      body,
      400,
      "request-invalid",
    ]);
  }
  expect(node.commands).toHaveLength(2);
  node.answer = () => ({ ok: false, code: "signer-unknown", detail: "nobody knows who signed it" });
  const refused = await post('{"token":"a.b.c"}');
  expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([
    403,
    "signer-unknown",
  ]);
});
