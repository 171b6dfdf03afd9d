/** JSON bodies, read strictly: a patch that was misread would be acknowledged and spread over the fleet. */
import { isJsonObject, type JsonObject } from "@pulsemesh/core";
import type { FastifyRequest } from "fastify";
import { HttpProblem } from "../problem.ts";

export const PATCH_MEDIA_TYPES: readonly string[] = [
  "application/merge-patch+json",
  "application/json",
];

/** What a body that is no patch is sent as. */
export const BODY_MEDIA_TYPE: string = "application/json";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Whether the request says that its body is JSON of some kind. */
export function claimsJson(request: FastifyRequest): boolean {
  return /^application\/(?:[\w.+-]+\+)?json$/.test(mediaType(request));
}

/**
 * The JSON object in the body.
 * @throws HttpProblem `media-type-unsupported`, `json-invalid`, or `state-invalid` when it is JSON but no object
 */
export function patchOf(request: FastifyRequest): JsonObject {
  const type = mediaType(request);
  const encoding = request.headers["content-encoding"];
  if (!PATCH_MEDIA_TYPES.includes(type) || (encoding ?? "identity") !== "identity") {
    throw unsupported("A patch", PATCH_MEDIA_TYPES, type);
  }
  const value = parseJson(request);
  if (isJsonObject(value)) return value;
  throw new HttpProblem("state-invalid", "A merge patch on a robot's state must be a JSON object.");
}

/**
 * Any JSON in the body.
 * @throws HttpProblem `media-type-unsupported`, `json-invalid`
 */
export function jsonBodyOf(request: FastifyRequest): unknown {
  const type = mediaType(request);
  const encoding = request.headers["content-encoding"];
  if (type === BODY_MEDIA_TYPE && (encoding ?? "identity") === "identity")
    return parseJson(request);
  throw unsupported("This", [BODY_MEDIA_TYPE], type);
}

function unsupported(what: string, types: readonly string[], given: string): HttpProblem {
  const [first, ...others] = types;
  const or = others.map((type) => `, or ${type}`).join("");
  return new HttpProblem(
    "media-type-unsupported",
    `${what} is sent as ${types.join(" or ")} without compression, not as '${given}'.`,
    {},
    `Send it with the header content-type: ${first}${or}, and no content-encoding.`,
  );
}

/** @throws HttpProblem `json-invalid` with what the parser says */
export function parseJson(request: FastifyRequest): unknown {
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new HttpProblem("json-invalid", "The body is empty.");
  }
  try {
    return JSON.parse(decoder.decode(body)) as unknown;
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    throw new HttpProblem("json-invalid", `The body is no valid JSON: ${reason}.`);
  }
}

function mediaType(request: FastifyRequest): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
