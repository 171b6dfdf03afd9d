import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedNode, START_WALL_MS } from "../../../../test/support/scripted-node.ts";
import { auditListSchema, auditVerifySchema } from "../json/audit.ts";
import { buildServer } from "../server.ts";

let node: ScriptedNode;
let app: FastifyInstance;

beforeEach(() => {
  node = new ScriptedNode();
  node.audit = Array.from({ length: 2_500 }, (_, index) => ({
    index,
    wallMs: START_WALL_MS + index,
    kind: "transition",
    data: { n: index },
    hash: "0f",
  }));
  app = buildServer(node, { localOnly: true });
});

afterEach(async () => {
  await app.close();
});

async function page(query: string) {
  const answer = await app.inject(`/api/v1/audit${query}`);
  expect(answer.statusCode).toBe(200);
  const { entries, before } = auditListSchema.parse(answer.json());
  return { first: entries[0]?.index, last: entries.at(-1)?.index, count: entries.length, before };
}

test("HT13 the tail is the newest hundred, oldest first, and names the page before it", async () => {
  expect(await page("")).toEqual({ first: 2_400, last: 2_499, count: 100, before: 2_400 });
  expect(await page("?before=2400&limit=10")).toEqual({
    first: 2_390,
    last: 2_399,
    count: 10,
    before: 2_390,
  });
  expect(await page("?before=5")).toEqual({ first: 0, last: 4, count: 5, before: null });
  expect(await page("?before=0")).toEqual({
    first: undefined,
    last: undefined,
    count: 0,
    before: null,
  });
});

test("HT13 a page has at most AUDIT_PAGE_MAX entries", async () => {
  expect((await page("?limit=1000")).count).toBe(1_000);
  expect((await app.inject("/api/v1/audit?limit=1001")).statusCode).toBe(400);
  expect((await app.inject("/api/v1/audit?before=-1")).statusCode).toBe(400);
});

test("HT13 verify says whether the log is whole, and where it is not", async () => {
  node.verification = { ok: true, size: 3, pruned: 1, head: "ff" };
  const whole = await app.inject("/api/v1/audit/verify");
  expect(auditVerifySchema.parse(whole.json())).toEqual({
    ok: true,
    size: 3,
    pruned: 1,
    head: "ff",
  });
  const faults = [{ from: 1, to: 2, reason: "gap" }];
  node.verification = { ok: false, size: 3, pruned: 0, badIndex: 1, reason: "gap", faults };
  const broken = await app.inject("/api/v1/audit/verify");
  expect(auditVerifySchema.parse(broken.json())).toEqual({
    ok: false,
    size: 3,
    pruned: 0,
    bad_index: 1,
    reason: "gap",
    faults,
  });
});

test("HT13 callers at the same time share one run of verify", async () => {
  await Promise.all(Array.from({ length: 5 }, () => app.inject("/api/v1/audit/verify")));
  expect(node.verifications).toBe(1);
  await app.inject("/api/v1/audit/verify");
  expect(node.verifications).toBe(2);
});

test("HT13 HT19 of callers that wait for one verification SHARED_CALLERS_MAX at most hold a connection, the next is told to ask again", async () => {
  const held = Promise.withResolvers<Awaited<ReturnType<ScriptedNode["auditVerify"]>>>();
  const whole = await node.auditVerify();
  node.auditVerify = () => held.promise;
  const waiting = Array.from({ length: 64 }, async () => await app.inject("/api/v1/audit/verify"));
  const refused = await app.inject("/api/v1/audit/verify");
  expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "5"]);
  expect(refused.json()).toMatchObject({ code: "not-ready", next: "Ask again in a moment." });
  expect((await app.inject("/api/v1/audit")).statusCode).toBe(200);
  held.resolve(whole);
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
  expect((await app.inject("/api/v1/audit/verify")).statusCode).toBe(200);
});
