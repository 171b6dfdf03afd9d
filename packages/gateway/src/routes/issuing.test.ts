import { PulsemeshError } from "@pulsemesh/core";
import type { NodeIssuer } from "@pulsemesh/node";
import { beforeEach, expect, test } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { inviteSchema, openInvitesSchema } from "../json/issuing.ts";
import { buildServer } from "../server.ts";

let node: ScriptedNode;
let calls: unknown[];
beforeEach(() => {
  node = new ScriptedNode();
  calls = [];
});

const issuer: NodeIssuer = {
  invites: [
    {
      id: "ab",
      roles: ["robot"],
      robots: ["zap-*"],
      region: undefined,
      usesMax: 2,
      endS: 1_800_000_000,
      usedBy: ["12D3KooWBeta"],
      grantedS: [1_800_000_000],
    },
  ],
  invite: (options) => {
    calls.push(["invite", options]);
    return Promise.resolve("pulsemesh:word");
  },
  withdraw: (id) => {
    calls.push(["withdraw", id]);
    return Promise.resolve();
  },
  grant: (request, terms) => {
    calls.push(["grant", request, terms]);
    return Promise.resolve(["a.b.c"]);
  },
  checkLeaving: () => undefined,
  revoke: (id, reason) => {
    calls.push(["revoke", id, reason]);
    return Promise.resolve();
  },
};

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown> | undefined;
}

async function post(url: string, body: unknown): Promise<Answer> {
  const answer = await buildServer(node, { localOnly: true }).inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json" },
    payload: JSON.stringify(body),
  });
  return {
    status: answer.statusCode,
    json: answer.body === "" ? undefined : answer.json<Record<string, unknown>>(),
  };
}

const INVITES = "/api/v1/authority/invites";
const GRANTS = "/api/v1/authority/grants";
const REVOCATION = "/api/v1/peers/12D3KooWBeta/revocation";

test("HT36 a node without an issuer's key says so", async () => {
  for (const [url, body] of [
    [INVITES, {}],
    [GRANTS, { request: "x" }],
    [REVOCATION, {}],
  ] as const)
    expect(await post(url, body)).toMatchObject({ status: 409, json: { code: "issuer-none" } });
  const list = await buildServer(node, { localOnly: true }).inject(INVITES);
  expect(list.statusCode).toBe(409);
});

test("HT36 an invite is made as it is asked for, for an hour and one node where nothing is said", async () => {
  node.issuer = issuer;
  const made = await post(INVITES, { robots: ["zap-*"] });
  expect(made.status).toBe(201);
  expect(inviteSchema.parse(made.json)).toMatchObject({ invite: "pulsemesh:word" });
  const whole = { roles: ["gateway"], robots: ["a"], region: "us", ttl_ms: 60_000, uses: 3 };
  expect((await post(INVITES, whole)).status).toBe(201);
  expect(calls).toEqual([
    ["invite", { roles: ["robot"], robots: ["zap-*"], ttlMs: 3_600_000, uses: 1 }],
    ["invite", { roles: ["gateway"], robots: ["a"], region: "us", ttlMs: 60_000, uses: 3 }],
  ]);
});

test("HT36 invites are listed without their secrets", async () => {
  node.issuer = issuer;
  const answer = await buildServer(node, { localOnly: true }).inject(INVITES);
  expect(openInvitesSchema.parse(answer.json())).toEqual({
    invites: [
      {
        id: "ab",
        roles: ["robot"],
        robots: ["zap-*"],
        region: null,
        uses: 2,
        used_by: ["12D3KooWBeta"],
        expires: "2027-01-15T08:00:00.000Z",
      },
    ],
  });
});

test("HT36 an invite is withdrawn by its id", async () => {
  const withdraw = (): Promise<{ readonly statusCode: number }> =>
    buildServer(node, { localOnly: true }).inject({ method: "DELETE", url: `${INVITES}/ab` });
  expect((await withdraw()).statusCode).toBe(409);
  node.issuer = issuer;
  expect((await withdraw()).statusCode).toBe(204);
  expect(calls).toEqual([["withdraw", "ab"]]);
});

test("HT36 a request is granted, and answered with what is carried to the node", async () => {
  node.issuer = issuer;
  const answer = await post(GRANTS, { request: "word", robots: ["*"], life_ms: 86_400_000 });
  expect(answer).toEqual({ status: 201, json: { statements: ["a.b.c"] } });
  expect(calls).toEqual([
    ["grant", "word", { roles: ["robot"], robots: ["*"], lifeMs: 86_400_000 }],
  ]);
});

test("HT36 a membership is ended by the node's id, with a reason for people", async () => {
  node.issuer = issuer;
  expect(await post(REVOCATION, { reason: "stolen" })).toEqual({ status: 204, json: undefined });
  expect(await post(REVOCATION, {})).toEqual({ status: 204, json: undefined });
  expect(calls).toEqual([
    ["revoke", "12D3KooWBeta", "stolen"],
    ["revoke", "12D3KooWBeta", ""],
  ]);
});

test("HT36 what is wrong with a body is named, and nothing is asked of the issuer", async () => {
  node.issuer = issuer;
  for (const [url, body, field] of [
    [INVITES, [], "The body"],
    [INVITES, { roles: ["king"] }, "'roles.0'"],
    [INVITES, { roles: [] }, "'roles'"],
    [INVITES, { ttl_ms: 1 }, "'ttl_ms'"],
    [INVITES, { uses: 0 }, "'uses'"],
    [INVITES, { typo: 1 }, "The body"],
    [GRANTS, {}, "'request'"],
    [GRANTS, { request: "x", region: "" }, "'region'"],
    [REVOCATION, { reason: "r".repeat(129) }, "'reason'"],
  ] as const) {
    const { status, json } = await post(url, body);
    expect([url, status, json?.["code"]]).toEqual([url, 400, "request-invalid"]);
    expect(json?.["detail"]).toContain(field);
  }
  expect(calls).toEqual([]);
});

test("HT36 what the issuer refuses is answered with its code", async () => {
  const refusal = new PulsemeshError("grant-beyond", "Cannot grant this: not the role operator.");
  node.issuer = { ...issuer, invite: () => Promise.reject(refusal) };
  expect(await post(INVITES, {})).toMatchObject({ json: { code: "grant-beyond" } });
});

test("HT28 the node with the only issuer leaves where that is meant, and says otherwise who has to issue first", async () => {
  const left: string[] = [];
  node.issuer = {
    ...issuer,
    checkLeaving: () => {
      throw new PulsemeshError("issuer-last", "Let another member issue first.");
    },
  };
  const app = buildServer(node, { localOnly: true, leave: () => void left.push("left") });
  const refused = await app.inject({ method: "POST", url: "/-/leave" });
  expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([409, "issuer-last"]);
  expect((await app.inject({ method: "POST", url: "/-/leave?without_issuer=x" })).statusCode).toBe(
    400,
  );
  expect(left).toEqual([]);
  const meant = await app.inject({ method: "POST", url: "/-/leave?without_issuer=1" });
  expect([meant.statusCode, left]).toEqual([202, ["left"]]);
  await app.close();
});
