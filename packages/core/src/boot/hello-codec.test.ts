import { createTestPorts, damage, fuzz, FUZZ_REACHES, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { Evidence } from "../liveness/observation-codec.ts";
import { Outbox } from "../outbox.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import { takePulse } from "../pulse/pulse-intake.ts";
import { decodeEnvelope, encodeEnvelope, sealEnvelope } from "../wire/envelope.ts";
import { HELLO_MESSAGE_BYTES_MAX, openHello, sealHello } from "./hello-codec.ts";

function envOf(self: string): Env {
  const identity = { fleet: "fleet", self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

const me = envOf("na");
const peer = envOf("nb");

/** The signed header of a pulse of `of`. */
function evidenceOf(of: Env, boot = 7): Evidence {
  const bytes = sealPulse(
    of,
    {
      boot,
      seq: 3,
      upMs: 3_000,
      wallMs: 1_800_000_000_000,
      intervalMs: 1_000,
      lagMs: 1,
      doubt: false,
      pausedForMs: undefined,
      goodbye: false,
    },
    {
      agent: "t",
      heard: [],
      heads: [],
      auditSize: 0,
      auditHash: new Uint8Array(32),
      missing: [],
      beats: [],
    },
  );
  const taken = takePulse(of, bytes, () => undefined);
  if (!taken.ok) throw new Error(taken.reason);
  return { envelope: taken.pulse.evidence, header: taken.pulse.header };
}

describe("hello", () => {
  test("PU3 a hello brings the newest pulse that the peer holds of this node, or none", () => {
    expect(openHello(me, sealHello(peer, undefined), "nb")).toEqual({
      ok: true,
      newestOfMine: undefined,
    });
    const result = openHello(me, sealHello(peer, evidenceOf(me)), "nb");
    expect(result).toMatchObject({ ok: true, newestOfMine: { header: { boot: 7, seq: 3 } } });
  });

  test("PU3 SG1 a hello of somebody else, or one whose signature or evidence is not what it says, is refused", () => {
    const good = sealHello(peer, evidenceOf(me));
    expect(openHello(me, good, "nc")).toEqual({ ok: false, code: "hello-malformed" });
    const opened = decodeEnvelope(me, good, HELLO_MESSAGE_BYTES_MAX);
    if (!opened.ok) throw new Error(opened.code);
    const unsigned = { ...opened.envelope, signature: new Uint8Array(64) };
    expect(openHello(me, encodeEnvelope(me, unsigned), "nb")).toEqual({
      ok: false,
      code: "signature-bad",
    });
    const { header, envelope } = evidenceOf(me);
    const forged = { header, envelope: { ...envelope, signature: new Uint8Array(64) } };
    for (const evidence of [forged, evidenceOf(envOf("nc"))])
      expect(openHello(me, sealHello(peer, evidence), "nb")).toEqual({
        ok: false,
        code: "evidence-bad",
      });
  });

  test("P6 a hello of more than HELLO_MESSAGE_BYTES_MAX bytes is not looked at", () => {
    const { codec } = peer.ports;
    const padded = (length: number) =>
      sealEnvelope(peer, "hello", codec.encode({ n: null, z: new Uint8Array(length) }));
    const room = HELLO_MESSAGE_BYTES_MAX - padded(1_000).length + 1_000;
    expect(padded(room).length).toBe(HELLO_MESSAGE_BYTES_MAX);
    expect(openHello(me, padded(room), "nb").ok).toBe(true);
    expect(openHello(me, padded(room + 1), "nb")).toEqual({ ok: false, code: "hello-malformed" });
  });

  test(
    "PU3 P6 fuzz: whatever comes as a hello never throws, and no evidence is taken that this node did not sign",
    { timeout: FUZZ_TIMEOUT_MS },
    () => {
      const evidence = evidenceOf(me);
      const proof = encodeEnvelope(peer, evidence.envelope);
      const honest = [sealHello(peer, undefined), sealHello(peer, evidence)];
      const { codec } = peer.ports;
      const bodies: readonly unknown[] = [null, 1, [], "n", { n: 1 }, { n: [] }, { m: null }];
      let refusedBehindSignature = 0;
      fuzz("hello", (random, run) => {
        // A hostile peer signs what it likes.
        const body =
          run % 2 === 0
            ? codec.encode({ n: damage(random, proof, [...honest, proof]) })
            : codec.encode(random.pick(bodies));
        const bytes =
          run % 3 === 0
            ? damage(random, random.pick(honest), honest)
            : sealEnvelope(peer, "hello", body);
        const result = openHello(me, bytes, "nb");
        if (!result.ok) {
          if (result.code === "evidence-bad") refusedBehindSignature += 1;
          return;
        }
        const newest = result.newestOfMine;
        if (newest !== undefined)
          expect(String(newest.envelope.body)).toBe(String(evidence.envelope.body));
      });
      if (FUZZ_REACHES) expect(refusedBehindSignature).toBeGreaterThan(100);
    },
  );
});
