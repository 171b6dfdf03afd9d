/** `GET /openapi.json`: the route table as OpenAPI 3.1, this route included. */
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { openApiDocument } from "../openapi/document.ts";
import type { Route } from "../route.ts";

/** @param routes the whole table; asked for when the first request comes */
export function openApiRoute(routes: () => readonly Route[]): Route {
  let text: string | undefined;
  return {
    methods: ["GET", "HEAD"],
    path: "/openapi.json",
    operation: "openapi",
    summary: "This description",
    writes: false,
    responses: { 200: { description: "OpenAPI 3.1", type: JSON_MEDIA_TYPE } },
    errors: [],
    handle: (_request, reply) => {
      text ??= JSON.stringify(openApiDocument(routes()));
      return reply.type(JSON_MEDIA_TYPE).send(text);
    },
  };
}
