/** The body of a beat: diagnostics as text, whatever it claims to be, cut to the limit of one beat. */
import { BEAT_MESSAGE_BYTES_MAX } from "@pulsemesh/core";
import type { FastifyRequest } from "fastify";

/** Undefined without a body. Cut between two characters, never inside one. */
export function messageOf(request: FastifyRequest): string | undefined {
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) return undefined;
  let end = Math.min(body.length, BEAT_MESSAGE_BYTES_MAX);
  if (end < body.length) {
    // UTF-8 continuation bytes look like 10xxxxxx.
    while (end > 0 && ((body[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  }
  return body.toString("utf8", 0, end);
}
