/** Bodies that are taken whatever they claim to be: no beat is lost over a `Content-Type` that is none. */
import type { FastifyRequest } from "fastify";
import { claimsJson } from "./json-body.ts";

/** Gives the body a type that the framework knows; one that claims to be JSON keeps the claim. Called before the body is read. */
export function acceptAnyType(request: FastifyRequest): void {
  const { headers } = request.raw;
  if (headers["content-type"] === undefined) return;
  headers["content-type"] = claimsJson(request) ? "application/json" : "application/octet-stream";
}
