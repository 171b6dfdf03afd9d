/**
 * Random requests, valid and not: the server must answer each, never with 500, every error as problem+json with a code that
 * `/openapi.json` names for that operation. `PULSEMESH_FUZZ_RUNS=1000000 PULSEMESH_FUZZ_SEED=7` makes it longer or repeats it.
 */
import type { ErrorCode } from "@pulsemesh/core";
import fc from "fast-check";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ScriptedNode } from "../../../test/support/scripted-node.ts";
import { problemSchema } from "./problem.ts";
import { COMMON_ERRORS } from "./route.ts";
import { buildServer } from "./server.ts";

const RUNS = Number(process.env["PULSEMESH_FUZZ_RUNS"] ?? 20_000);
const SEED = Number(process.env["PULSEMESH_FUZZ_SEED"] ?? 20_260_102);

let node: ScriptedNode;
let app: FastifyInstance;
let paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>>;

beforeAll(async () => {
  node = new ScriptedNode();
  node.add({ robot: "known" });
  node.answer = undefined;
  app = buildServer(node, { localOnly: true });
  ({ paths } = (await app.inject("/openapi.json")).json<{ paths: typeof paths }>());
});

afterAll(async () => {
  await app.close();
});

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "",
    "..",
    "%",
    "%00",
    "%zz",
    "known",
    "a".repeat(300),
    "__proto__",
    "constructor",
  ),
);
const robot = fc.oneof(fc.constantFrom("known", "known", "new:1", "-bad", "toString"), text);
const segment = fc.oneof(
  robot,
  fc.constantFrom("start", "fail", "log", "0", "255", "256", "state"),
);
const encoded = segment.map((value) => {
  try {
    return encodeURIComponent(value);
  } catch {
    return "%ED%A0%80";
  }
});

const path = fc.oneof(
  { weight: 2, arbitrary: encoded.map((id) => `/heartbeat/${id}`) },
  {
    weight: 3,
    arbitrary: fc.tuple(encoded, encoded).map(([id, signal]) => `/ping/${id}/${signal}`),
  },
  { weight: 2, arbitrary: encoded.map((id) => `/ping/${id}`) },
  { weight: 2, arbitrary: encoded.map((id) => `/status/${id}`) },
  { weight: 2, arbitrary: encoded.map((id) => `/api/v1/robots/${id}`) },
  { weight: 4, arbitrary: encoded.map((id) => `/api/v1/robots/${id}/state`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "/api/v1/robots",
      "/api/v1/peers",
      "/api/v1/audit",
      "/api/v1/audit/verify",
      "/livez",
      "/readyz",
      "/startupz",
      "/metrics",
      "/openapi.json",
      "/",
      "*",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 60 }).map((tail) => `/${tail}`),
  },
);

const parameter = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      "rid",
      "create",
      "health",
      "status",
      "label",
      "limit",
      "after",
      "before",
      "region",
    ),
    fc.string({ maxLength: 6 }),
  ),
  fc.oneof(text, fc.constantFrom("0", "1", "ok", "up", "k=v", "1000", "99999999999999999999")),
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((pairs) =>
    pairs.length === 0 ? "" : `?${pairs.map(([k, v]) => `${escape(k)}=${escape(v)}`).join("&")}`,
  );

const header = fc.constantFrom<readonly [string, string]>(
  ["content-type", "application/json"],
  ["content-type", "application/merge-patch+json; charset=utf-8"],
  ["content-type", "text/plain"],
  ["content-type", ";;;"],
  ["content-type", ""],
  ["content-encoding", "gzip"],
  ["if-match", '"0000000000000000"'],
  ["if-match", "*"],
  ["if-match", "bare"],
  ["if-none-match", 'W/"a", "b"'],
  ["if-none-match", "*"],
  ["host", "evil.example"],
  ["host", "localhost"],
  ["origin", "http://localhost:80"],
  ["origin", "null"],
  ["sec-fetch-site", "cross-site"],
  ["sec-fetch-mode", "navigate"],
  ["last-event-id", "\u00ff"],
  ["expect", "the-unexpected"],
  ["x-http-method-override", "PATCH"],
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.json({ maxDepth: 6 }),
  fc.dictionary(text, fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value)),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    "[".repeat(50_000),
    '{"__proto__":{"a":1}}',
    '{"a":1e999}',
    '{"a":"\\ud800"}',
    "x".repeat(20_000),
  ),
);
const method = fc.constantFrom(
  ...(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] as const),
);

const requests = fc.record({
  method: fc.oneof(method, fc.constantFrom("POST" as const, "PATCH" as const, "GET" as const)),
  url: fc
    .tuple(path, query)
    .map(([first, second]) => first + second)
    // What is no URL at all cannot be injected; raw bytes are sent over sockets in test/integration.
    .filter((url) => URL.canParse(url, "http://localhost")),
  headers: fc.array(header, { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs)),
  payload: body,
});

test(
  `HT24 fuzz: ${RUNS} random requests are answered, never 500, every error as the description says`,
  { timeout: RUNS * 10 + 60_000 },
  async () => {
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(requests, async ({ payload, ...rest }) => {
        const request = (payload === undefined ? rest : { ...rest, payload }) as InjectOptions;
        const answer = await app.inject(request);
        statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
        if (answer.statusCode < 400) {
          const url = answer.raw.req.url ?? "";
          expect(describedStatuses(rest.method, url)).toContain(String(answer.statusCode));
          return;
        }
        expect(answer.statusCode).not.toBe(500);
        expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
        if (rest.method === "HEAD") return;
        const problem = problemSchema.parse(answer.json());
        expect(problem.status).toBe(answer.statusCode);
        expect(
          documented(rest.method, answer.raw.req.url ?? "", problem.status, problem.code),
        ).toBe(true);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    // The generator must reach what it is for; a few requests that repeat a failure need not.
    if (RUNS >= 4_000)
      expect([...statuses.keys()]).toEqual(
        expect.arrayContaining([200, 201, 304, 400, 403, 404, 405, 412, 415, 422]),
      );
    expect((await app.inject("/livez")).statusCode).toBe(200);
  },
);

/** Whether the description of the operation names this code; without an operation the answers of any path are in place. */
function documented(verb: string, url: string, status: number, code: string): boolean {
  const operation = operationOf(verb, url);
  if (operation === undefined) {
    return [...COMMON_ERRORS, "not-found", "method-not-allowed"].includes(code as ErrorCode);
  }
  const response = (operation.responses as Record<string, unknown>)[String(status)];
  return JSON.stringify(response ?? "").includes(`"${code}"`);
}

function describedStatuses(verb: string, url: string): readonly string[] {
  return Object.keys(operationOf(verb, url)?.responses ?? {});
}

function operationOf(verb: string, url: string): { readonly responses: object } | undefined {
  const pathname = url.split(/[?;#]/, 1)[0] ?? "";
  const found = Object.entries(paths).find(([pattern]) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]*")}$`).test(
      pathname,
    ),
  );
  return found?.[1][verb.toLowerCase()];
}

function escape(value: string): string {
  return value.replaceAll(/[^\w.~=-]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `%${code.toString(16).padStart(2, "0")}` : "%zz";
  });
}
