import { ERROR_CODES } from "@pulsemesh/core";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { buildServer } from "../server.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: object;
  }[];
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Record<string, unknown> }>
  >;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Record<string, unknown>>> };
}

let app: FastifyInstance;
let document: OpenApi;

beforeEach(async () => {
  app = buildServer(new ScriptedNode(), { localOnly: true });
  document = (await app.inject("/openapi.json")).json<OpenApi>();
});

afterEach(async () => {
  await app.close();
});

function operations(): readonly (readonly [string, string, Operation])[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [path, method, operation] as const),
  );
}

/** How many pairs of method and path fastify says that it serves. */
function servedCount(): number {
  const methods = [...app.printRoutes().matchAll(/\(([A-Z]+(?:, [A-Z]+)*)\)/g)];
  return methods.flatMap(([, list = ""]) => list.split(", ")).length;
}

test("HT15 every route that is served is described, and no other", () => {
  const described = operations();
  for (const [path, method] of described) {
    const url = path.replaceAll(/\{(\w+)\}/g, ":$1");
    expect([path, app.hasRoute({ method: method.toUpperCase() as "GET", url })]).toEqual([
      path,
      true,
    ]);
  }
  expect(described).toHaveLength(servedCount());
});

test("HT15 the issue's routes are all there", () => {
  expect(Object.keys(document.paths)).toEqual([
    "/heartbeat/{robot}",
    "/ping/{robot}",
    "/ping/{robot}/{signal}",
    "/status/{robot}",
    "/api/v1/robots",
    "/api/v1/robots/{robot}",
    "/api/v1/robots/{robot}/state",
    "/api/v1/peers",
    "/api/v1/peers/{peer}",
    "/api/v1/nodes/{peer}/witnesses",
    "/api/v1/nodes/{peer}/evidence",
    "/api/v1/robots/{robot}/witnesses",
    "/api/v1/matrix",
    "/api/v1/authority",
    "/api/v1/authority/statements",
    "/api/v1/authority/invites",
    "/api/v1/authority/invites/{invite}",
    "/api/v1/authority/grants",
    "/api/v1/peers/{peer}/revocation",
    "/api/v1/diagnostics",
    "/api/v1/events",
    "/api/v1/audit",
    "/api/v1/audit/verify",
    "/api/v1/backup",
    "/livez",
    "/readyz",
    "/startupz",
    "/metrics",
    "/-/reload",
    "/-/leave",
    "/openapi.json",
  ]);
});

test("HT15 documented codes are the registry: each exists, and each of the registry is documented", () => {
  const { properties } = document.components.schemas["Problem"] as {
    readonly properties: { readonly code: { readonly enum: readonly string[] } };
  };
  expect(properties.code.enum.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
  const codes = JSON.stringify(document.paths).matchAll(/"code":\{"enum":\[([^\]]*)\]/g);
  for (const [, list = ""] of codes) {
    for (const code of JSON.parse(`[${list}]`) as string[])
      expect(ERROR_CODES).toHaveProperty(code);
  }
});

test("HT15 operation ids are unique, every path parameter is declared", () => {
  const ids = operations().map(([, , { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, , { parameters }] of operations()) {
    const declared = parameters.filter((one) => one.in === "path").map(({ name }) => `{${name}}`);
    expect(declared).toEqual(path.match(/\{\w+\}/g) ?? []);
  }
});

test("HT15 every reference leads to a schema, and every schema is valid JSON Schema", () => {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
  for (const [, name = ""] of references) expect(document.components.schemas).toHaveProperty(name);
  for (const schema of Object.values(document.components.schemas)) {
    expect(() => z.fromJSONSchema(schema)).not.toThrow();
  }
});

test("HT15 query parameters are described with their ranges", () => {
  const operation = document.paths["/api/v1/audit"]?.["get"];
  expect(operation?.parameters.find(({ name }) => name === "limit")?.schema).toMatchObject({
    type: "integer",
    minimum: 1,
    maximum: 1_000,
    default: 100,
  });
});
