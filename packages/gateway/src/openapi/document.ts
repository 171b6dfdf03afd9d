/** Prints the route table as OpenAPI 3.1: no hand-written description that could drift from what is served. */
import { ERROR_CODES, type ErrorCode } from "@pulsemesh/core";
import { robotIdSchema } from "../json/words.ts";
import { PROBLEM_TEXTS } from "../problem-texts.ts";
import { COMMON_ERRORS, type Method, type ResponseDoc, type Route } from "../route.ts";
import { type JsonSchema, namedSchemas, toJsonSchema } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const operations = (paths[route.path] ??= {});
    for (const method of route.methods) {
      operations[method.toLowerCase()] = operation(route, method);
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Pulsemesh",
      version: "1",
      description:
        "Any node of a fleet answers for the whole fleet and says how sure it is. Errors are application/problem+json with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { schemas: namedSchemas() },
  };
}

function operation(route: Route, method: Method): Json {
  const suffix = route.methods.length > 1 && method !== "GET" ? method : "";
  return {
    operationId: route.operation + suffix,
    summary: route.summary,
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body !== undefined && method !== "GET" && method !== "HEAD"
      ? { requestBody: requestBody(route.body) }
      : {}),
    responses: responses(route),
  };
}

const signalSchema: JsonSchema = { type: "string", pattern: "^(start|fail|log|[0-9]{1,3})$" };

const PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  robot: toJsonSchema(robotIdSchema),
  signal: signalSchema,
  peer: { type: "string", description: "A node id, as GET /api/v1/peers names it" },
};

function pathParameters(route: Route): Json[] {
  return [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: PARAMETERS[name] ?? { type: "string" },
  }));
}

function queryParameters({ query }: Route): Json[] {
  if (query === undefined) return [];
  const { properties = {} } = toJsonSchema(query);
  return Object.entries(properties as Record<string, JsonSchema>).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema,
  }));
}

function headerParameters({ headers = {} }: Route): Json[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}

function requestBody({ description, required, types, schema }: NonNullable<Route["body"]>): Json {
  const json = schema === undefined ? {} : { $ref: `#/components/schemas/${schema}` };
  return {
    description,
    required,
    content: Object.fromEntries(
      types.map((type) => [type, { schema: type.includes("json") ? json : { type: "string" } }]),
    ),
  };
}

/** Answers by status; where an error shares a status with an answer (503 of /status), both bodies are listed. */
function responses(route: Route): Json {
  const byStatus: Record<
    string,
    { description: string; content?: Record<string, Json>; headers?: Json }
  > = {};
  for (const [status, doc] of Object.entries(route.responses)) {
    byStatus[status] = {
      description: doc.description,
      ...(doc.type === undefined ? {} : { content: { [doc.type]: content(doc) } }),
      ...(doc.headers === undefined ? {} : { headers: headerDocs(doc.headers) }),
    };
  }
  for (const [status, codes] of errorsByStatus([...route.errors, ...COMMON_ERRORS])) {
    const entry = (byStatus[status] ??= { description: "" });
    const words = codes.map((code) => `\`${code}\`: ${PROBLEM_TEXTS[code].title}`).join("; ");
    entry.description = entry.description === "" ? words : `${entry.description}; or ${words}`;
    entry.content = {
      ...entry.content,
      "application/problem+json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Problem" },
            { properties: { code: { enum: codes } } },
          ],
        },
      },
    };
  }
  return byStatus;
}

function content({ type, schema, example }: ResponseDoc): Json {
  const text = type?.startsWith("text/") === true && schema === undefined;
  return {
    schema:
      schema === undefined
        ? { type: text ? "string" : "object" }
        : { $ref: `#/components/schemas/${schema}` },
    ...(example === undefined ? {} : { example }),
  };
}

function headerDocs(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  );
}

function errorsByStatus(codes: readonly ErrorCode[]): Map<string, ErrorCode[]> {
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const status = String(ERROR_CODES[code].status);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
