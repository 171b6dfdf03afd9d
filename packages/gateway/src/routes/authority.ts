/** `GET /api/v1/authority`: who is a member, by whose word; `POST …/statements`: hands signed statements to the fleet (rule HT35). */
import { type Command, ROOTS_MAX } from "@pulsemesh/core";
import type { GatewayContext } from "../context.ts";
import { execute } from "../execute.ts";
import { authorityJson } from "../json/authority.ts";
import { nodeNames } from "../json/robot.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { BODY_MEDIA_TYPE, jsonBodyOf } from "../request/json-body.ts";
import type { Route } from "../route.ts";

const PATH = "/api/v1/authority";

export function authorityRoutes(context: GatewayContext): readonly Route[] {
  return [showRoute(context), submitRoute(context)];
}

function showRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: PATH,
    operation: "showAuthority",
    summary: "Who may be in the fleet, by whose word and until when, as this node knows it",
    writes: false,
    responses: { 200: { description: "It", type: JSON_MEDIA_TYPE, schema: "Authority" } },
    errors: [],
    handle: (_request, reply) => {
      const view = node.fleetView();
      const names = nodeNames(view);
      const json = authorityJson({
        fleet: view.fleet,
        authority: node.authorityView(),
        nameOf: (id) => names.get(id)?.name,
      });
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(json));
    },
  };
}

function submitRoute({ node }: GatewayContext): Route {
  return {
    methods: ["POST"],
    path: `${PATH}/statements`,
    operation: "submitStatement",
    summary: "Hand a root statement, charter, grant or revocation to the fleet",
    writes: true,
    operates: true,
    body: {
      description:
        "`{token}`: the statement as it was signed, a compact JWS; or `{tokens}`, a list of them that is judged as a whole, as a root's row has to be",
      required: true,
      types: [BODY_MEDIA_TYPE],
    },
    responses: { 204: { description: "Held, durable, and told to all; or it was before" } },
    errors: [
      "json-invalid",
      "request-invalid",
      "statement-malformed",
      "statement-oversized",
      "statement-unknown",
      "fleet-foreign",
      "signer-unknown",
      "authority-full",
      "store-failed",
      "store-full",
    ],
    handle: async (request, reply) => {
      await execute(node, commandOf(jsonBodyOf(request)));
      return reply.code(204).send();
    },
  };
}

function commandOf(body: unknown): Command {
  if (typeof body === "object" && body !== null) {
    if ("token" in body && typeof body.token === "string")
      return { type: "statement", token: body.token };
    if ("tokens" in body && isTexts(body.tokens))
      return { type: "statements", tokens: body.tokens };
  }
  throw new HttpProblem(
    "request-invalid",
    `The body must be an object like {"token": "eyJ…"}, or {"tokens": ["eyJ…"]} with at most ${ROOTS_MAX}.`,
  );
}

function isTexts(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > ROOTS_MAX) return false;
  return value.every((each) => typeof each === "string");
}
