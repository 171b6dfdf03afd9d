import { createTestPorts, damage, fuzz, FUZZ_REACHES, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import { takePulse } from "../pulse/pulse-intake.ts";
import { decodeEnvelope, encodeEnvelope, sealEnvelope } from "../wire/envelope.ts";
import type { Liveness } from "./liveness.ts";
import {
  OBSERVATION_BYTES_MAX,
  OBSERVATION_ITEMS_MAX,
  OBSERVATIONS_PER_SECOND_MAX,
  sealObservation,
  type Evidence,
  type Observation,
  type Statement,
} from "./observation-codec.ts";
import { ObservationIntake, REFUSED_PER_SECOND_MAX } from "./observation-intake.ts";
import { Subject } from "./subject.ts";

function envOf(self: string): Env {
  const identity = { fleet: "fleet", self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

const witness = envOf("nb");
const at = (monoMs: number) => ({ monoMs, wallMs: 1_800_000_000_000 + monoMs });
const accusation: Statement = {
  kind: "accuse",
  subject: "nc",
  name: { boot: 7, seq: 3 },
  evidence: undefined,
};

function evidenceOf(subject: NodeId): Evidence {
  const env = envOf(subject);
  const header = {
    boot: 7,
    seq: 3,
    upMs: 3_000,
    wallMs: 1_800_000_000_000,
    intervalMs: 1_000,
    lagMs: 1,
    doubt: false,
    pausedForMs: undefined,
    goodbye: false,
  };
  const attachment = {
    agent: "t",
    heard: [],
    heads: [],
    auditSize: 0,
    auditHash: new Uint8Array(32),
    missing: [],
    beats: [],
  };
  const taken = takePulse(env, sealPulse(env, header, attachment), () => undefined);
  if (!taken.ok) throw new Error(taken.reason);
  return { envelope: taken.pulse.evidence, header: taken.pulse.header };
}

function sealed(over: Partial<Observation> = {}): Uint8Array {
  return sealObservation(witness, {
    boot: 5,
    seq: 1,
    upMs: 1_000,
    statements: [accusation],
    ...over,
  });
}

/** A reader that knows `nb` and nobody else. */
function intake(): { intake: ObservationIntake; subject: Subject } {
  const subject = new Subject("nb", 1_000, at(0));
  const liveness = { ofMember: (node: NodeId) => (node === "nb" ? subject : undefined) };
  return { intake: new ObservationIntake(envOf("na"), liveness as unknown as Liveness), subject };
}

function take(to: ObservationIntake, bytes: Uint8Array, monoMs = 10_000, from = "nx"): string {
  const result = to.take(bytes, from, at(monoMs));
  return result.ok ? "taken" : `${result.validation} ${result.reason}`;
}

describe("ObservationIntake", () => {
  test("VE3 P3 an observation counts once, by gossip or straight, in any order within a short window", () => {
    const { intake: it } = intake();
    for (const seq of [1, 3, 2]) expect(take(it, sealed({ seq }))).toBe("taken");
    for (const seq of [1, 2, 3])
      expect(take(it, sealed({ seq }))).toBe("ignore observation-replayed");
    expect(take(it, sealed({ seq: 100 }))).toBe("taken");
    expect(take(it, sealed({ seq: 36 }))).toBe("ignore observation-replayed");
    expect(take(it, sealed({ seq: 37 }))).toBe("taken");
    expect(take(it, sealed({ boot: 6, seq: 1 }))).toBe("taken");
    expect(take(it, sealed({ boot: 5, seq: 101 }))).toBe("ignore observation-replayed");
  });

  test("VE3 PU4 P3 an observation that was held back longer than it stands is ignored", () => {
    const { intake: it, subject } = intake();
    subject.dating.onPulse({ boot: 5, seq: 1, upMs: 0, intervalMs: 1_000 }, 5_000, true);
    expect(take(it, sealed({ seq: 1, upMs: 1_000 }), 6_000)).toBe("taken");
    expect(take(it, sealed({ seq: 2, upMs: 2_000 }), 19_000)).toBe("taken");
    expect(take(it, sealed({ seq: 3, upMs: 2_000 }), 19_001)).toBe("ignore observation-replayed");
  });

  test("P6 VE3 what is kept of an author's observations goes with its seat, and a stranger that has none leaves nothing", () => {
    let subject = new Subject("nb", 1_000, at(0));
    const liveness = { ofMember: (node: NodeId) => (node === "nb" ? subject : undefined) };
    const it = new ObservationIntake(envOf("na"), liveness as unknown as Liveness);
    expect(take(it, sealed())).toBe("taken");
    expect(take(it, sealed())).toBe("ignore observation-replayed");
    subject = new Subject("nb", 1_000, at(0));
    expect(take(it, sealed())).toBe("taken");
  });

  test("SG2 SG4 messages of a kind that a later version knows are ignored, and blamed on nobody", () => {
    const { intake: it } = intake();
    const { codec } = witness.ports;
    const future = codec.encode({ a: "nb", b: new Uint8Array(1), k: "fu", s: new Uint8Array(64) });
    for (let i = 0; i <= REFUSED_PER_SECOND_MAX; i++)
      expect(take(it, future)).toBe("ignore kind-unknown");
    expect(take(it, sealed())).toBe("taken");
  });

  test("SG1 an observation that its author did not sign is rejected, a stranger's is ignored", () => {
    const { intake: it } = intake();
    const opened = decodeEnvelope(witness, sealed(), OBSERVATION_BYTES_MAX);
    if (!opened.ok) throw new Error(opened.code);
    const unsigned = { ...opened.envelope, signature: new Uint8Array(64) };
    expect(take(it, encodeEnvelope(witness, unsigned))).toBe("reject signature-bad");
    const stranger = sealObservation(envOf("nx"), {
      boot: 5,
      seq: 1,
      upMs: 1,
      statements: [accusation],
    });
    expect(take(it, stranger)).toBe("ignore observation-stranger");
  });

  test("VE3 evidence must be of the pulse and the node that the statement names", () => {
    const { intake: it } = intake();
    const evidence = evidenceOf("nc");
    expect(take(it, sealed({ statements: [{ ...accusation, evidence }] }))).toBe("taken");
    for (const statement of [
      { ...accusation, evidence, subject: "nd" },
      { ...accusation, evidence, name: { boot: 7, seq: 4 } },
      { ...accusation, evidence, name: { boot: 8, seq: 3 } },
    ])
      expect(take(it, sealed({ seq: 2, statements: [statement] }))).toBe(
        "reject observation-malformed",
      );
  });

  test("P6 an observation has at most OBSERVATION_ITEMS_MAX statements", () => {
    const { intake: it } = intake();
    const statements = Array.from({ length: OBSERVATION_ITEMS_MAX }, () => accusation);
    expect(take(it, sealed({ statements }))).toBe("taken");
    expect(take(it, sealed({ seq: 2, statements: [...statements, accusation] }))).toBe(
      "reject observation-malformed",
    );
  });

  test("P6 a full observation with evidence keeps to OBSERVATION_BYTES_MAX, and a larger one is rejected unread", () => {
    const { intake: it } = intake();
    const evidence = evidenceOf("nc");
    const full = Array.from({ length: OBSERVATION_ITEMS_MAX }, () => ({ ...accusation, evidence }));
    expect(take(it, sealed({ statements: full }))).toBe("taken");
    const padded = (length: number) => sealEnvelope(witness, "observation", new Uint8Array(length));
    const room = OBSERVATION_BYTES_MAX - padded(20_000).length + 20_000;
    expect(take(it, padded(room))).toBe("reject observation-malformed");
    expect(take(it, padded(room + 1))).toBe("reject envelope-oversized");
  });

  test("P6 SG4 OBSERVATIONS_PER_SECOND_MAX messages of one witness are looked at in one second, further ones ignored", () => {
    const { intake: it } = intake();
    for (let seq = 1; seq <= OBSERVATIONS_PER_SECOND_MAX; seq++)
      expect(take(it, sealed({ seq }), 10_000 + seq)).toBe("taken");
    const next = sealed({ seq: OBSERVATIONS_PER_SECOND_MAX + 1 });
    expect(take(it, next, 10_999)).toBe("ignore rate");
    expect(take(it, next, 11_000)).toBe("taken");
  });

  test("P4 SG4 forged and repeated messages in a witness's name cost it nothing, and their sender is unheard after REFUSED_PER_SECOND_MAX", () => {
    const { intake: it } = intake();
    const honest = sealed({ seq: 1 });
    const opened = decodeEnvelope(
      envOf("nx"),
      sealObservation(envOf("nx"), { boot: 9, seq: 9, upMs: 1, statements: [] }),
      OBSERVATION_BYTES_MAX,
    );
    if (!opened.ok) throw new Error(opened.code);
    const forged = encodeEnvelope(envOf("nx"), { ...opened.envelope, author: "nb" });
    expect(take(it, honest)).toBe("taken");
    for (let i = 1; i < REFUSED_PER_SECOND_MAX; i++)
      expect(take(it, forged)).toBe("reject signature-bad");
    expect(take(it, honest)).toBe("ignore observation-replayed");
    expect(take(it, forged)).toBe("unheard rate");
    for (let i = 0; i < OBSERVATIONS_PER_SECOND_MAX; i++) take(it, honest, 10_000, "ny");
    expect(take(it, sealed({ seq: 2 }), 10_000, "nb")).toBe("taken");
    expect(take(it, forged, 11_000)).toBe("reject signature-bad");
  });

  test(
    "VE3 P6 fuzz: whatever comes as an observation never throws, and what is taken is signed, new and whole",
    { timeout: FUZZ_TIMEOUT_MS },
    () => {
      const { intake: it } = intake();
      let runs = 0;
      const proof = encodeEnvelope(witness, evidenceOf("nc").envelope);
      const honest = [
        sealed(),
        sealed({ statements: [{ ...accusation, evidence: evidenceOf("nc") }] }),
      ];
      const { codec } = witness.ports;
      const values: readonly unknown[] = [
        0,
        1,
        4,
        255,
        -1,
        2 ** 53,
        "nc",
        null,
        [],
        proof,
        "x".repeat(81),
      ];
      const seen = new Set<number>();
      let taken = 0;
      let monoMs = 10_000;
      fuzz("observation", (random, run) => {
        monoMs += 11;
        // A hostile member signs what it likes; the others are damaged on their way.
        const seq = 1 + random.integer(run + 10);
        const item = [0, "nc", 7, 3, null].map((value) =>
          random.chance(0.1) ? random.pick(values) : value,
        );
        if (random.chance(0.3))
          item[4] = random.chance(0.5) ? proof : damage(random, proof, honest);
        const body = { b: 5, i: [item], q: seq, u: monoMs, z: 1 };
        const hostile = run % 2 === 0;
        const bytes = hostile
          ? sealEnvelope(
              witness,
              "observation",
              random.chance(0.2) ? damage(random, codec.encode(body)) : codec.encode(body),
            )
          : damage(random, random.pick(honest), honest);
        const result = it.take(bytes, `n${runs++}`, at(monoMs));
        if (!result.ok) return;
        taken += 1;
        if (!hostile) throw new Error("a damaged observation was taken");
        const { observation } = result;
        if (observation.boot === 5 && seen.has(observation.seq))
          throw new Error("a replay was taken");
        if (observation.boot === 5) seen.add(observation.seq);
        for (const { name, subject, evidence } of observation.statements) {
          if (evidence !== undefined)
            expect([evidence.envelope.author, evidence.header]).toMatchObject([subject, name]);
        }
      });
      if (FUZZ_REACHES) expect(taken).toBeGreaterThan(20);
    },
  );
});
