import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  NODE_ID_LENGTH_MAX,
  sealEnvelope,
  verifyEnvelope,
  type Envelope,
} from "./envelope.ts";

const BYTES_MAX = 1_024;
const BODY = new Uint8Array([1, 2, 3]);

function envOf(self: string, fleet = "fleet"): Env {
  const identity = { fleet, self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

const env = envOf("na");

function opened(bytes: Uint8Array): Envelope {
  const result = decodeEnvelope(env, bytes, BYTES_MAX);
  if (!result.ok) throw new Error(result.code);
  return result.envelope;
}

describe("the envelope", () => {
  test("SG1 what was sealed opens and verifies, with its attachment", () => {
    const envelope = opened(sealEnvelope(env, "pulse", BODY, new Uint8Array([9])));
    expect(envelope).toMatchObject({ author: "na", kind: "pulse", body: BODY });
    expect(envelope.attachment).toEqual(new Uint8Array([9]));
    expect(verifyEnvelope(envOf("nb"), envelope)).toBe(true);
  });

  test("SG1 a signature covers the kind, the fleet, the author and every byte of the body", () => {
    const envelope = opened(sealEnvelope(env, "pulse", BODY));
    expect(verifyEnvelope(env, { ...envelope, kind: "entry" })).toBe(false);
    expect(verifyEnvelope(envOf("na", "other"), envelope)).toBe(false);
    expect(verifyEnvelope(env, { ...envelope, author: "nb" })).toBe(false);
    expect(verifyEnvelope(env, { ...envelope, body: new Uint8Array([1, 2, 4]) })).toBe(false);
  });

  test("SG2 unknown keys are ignored, an unknown kind is told apart from damage", () => {
    const { codec } = env.ports;
    const value = { a: "na", b: BODY, k: "pulse", s: new Uint8Array(64) };
    expect(decodeEnvelope(env, codec.encode({ ...value, z: 1 }), BYTES_MAX).ok).toBe(true);
    expect(decodeEnvelope(env, codec.encode({ ...value, k: "future" }), BYTES_MAX)).toEqual({
      ok: false,
      code: "kind-unknown",
    });
    expect(
      decodeEnvelope(env, codec.encode({ ...value, s: new Uint8Array(63) }), BYTES_MAX),
    ).toEqual({ ok: false, code: "envelope-malformed" });
  });

  test("P6 an author's id has at most NODE_ID_LENGTH_MAX characters, and an envelope the bytes it is given", () => {
    const sealed = opened(sealEnvelope(env, "pulse", BODY));
    const by = (author: string) =>
      decodeEnvelope(env, encodeEnvelope(env, { ...sealed, author }), BYTES_MAX);
    expect(by("n".repeat(NODE_ID_LENGTH_MAX)).ok).toBe(true);
    expect(by("n".repeat(NODE_ID_LENGTH_MAX + 1))).toEqual({
      ok: false,
      code: "envelope-malformed",
    });
    const bytes = encodeEnvelope(env, sealed);
    expect(decodeEnvelope(env, bytes, bytes.length).ok).toBe(true);
    expect(decodeEnvelope(env, bytes, bytes.length - 1)).toEqual({
      ok: false,
      code: "envelope-oversized",
    });
  });
});
