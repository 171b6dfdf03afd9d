/** A member with a valid grant that says again on real connections what was signed before: by others, on another topic, for another kind, for another fleet. */
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import type { PulsemeshNode } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { LyingAuthor } from "../../packages/core/src/chain/lying-author.test-support.ts";
import type { Env } from "../../packages/core/src/env.ts";
import { sealObservation } from "../../packages/core/src/liveness/observation-codec.ts";
import { sealPulse } from "../../packages/core/src/pulse/pulse-codec.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  type EnvelopeKind,
  sealEnvelope,
} from "../../packages/core/src/wire/envelope.ts";
import {
  HostileFleet,
  PulseWatch,
  refusedAndAudited,
  refusedAt,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { type Heard, infiltrateAll } from "../support/hostile-peer.ts";
import { OTHER_FLEET } from "../support/libp2p-harness.ts";
import { until } from "../support/until.ts";

const BYTES_MAX = 64 * 1_024;
const EPOCH = 7;
const beat = { type: "beat", robot: "zap-1", kind: "beat", create: "heartbeat" } as const;

/** With another last byte, which is one of what is signed or of the signature. */
function changed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

function opened(env: Env, bytes: Uint8Array): Envelope {
  const result = decodeEnvelope(env, bytes, BYTES_MAX);
  if (!result.ok) throw new Error(result.code);
  return result.envelope;
}

/** What was signed for one kind, as if it were of another. */
const asKind = (env: Env, bytes: Uint8Array, kind: EnvelopeKind): Uint8Array =>
  encodeEnvelope(env, { ...opened(env, bytes), kind });

function pulseOf(env: Env, boot: number): Uint8Array {
  const header = { boot, seq: 1, upMs: 1, wallMs: 1, intervalMs: 500, lagMs: 0, doubt: false };
  const nothing = { agent: "t", heard: [], heads: [], missing: [], beats: [] };
  return sealPulse(
    env,
    { ...header, pausedForMs: undefined, goodbye: false },
    { ...nothing, auditSize: 0, auditHash: new Uint8Array(32) },
  );
}

test("SG1, SG4, P3 what a member says again of others' words, on another topic, changed, late or in their place, is refused, counted, audited, and changes nothing", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest, issuer } = fleet;
  await issuer.command(beat);
  const { transport, heard } = await infiltrateAll(fleet, await fleet.member("evil"));
  const pulses = (): readonly Heard[] => heard.filter(({ topic }) => topic === "pulse");
  await until("it has heard pulses", () => pulses().length >= 10);
  await until("all show it", () => honest.every((at) => at.robot("zap-1")?.status === "up"));
  const watch = new PulseWatch(honest);
  const hash = issuer.fleetView().documentHash;
  for (const { bytes } of pulses().slice(0, 2)) {
    for (const topic of ["verdict", "state", "authority"] as const) transport.publish(topic, bytes);
    transport.publish("pulse", changed(bytes));
    for (const { id } of honest) {
      await transport.send(id, "direct", bytes);
      await transport.send(id, "sync", bytes);
    }
  }
  for (const kind of ["entry", "observation", "statement", "sync"])
    await refusedAndAudited(honest, `${kind}-malformed`);
  await refusedAndAudited(honest, "pulse-replayed");
  expect(await watch.end()).toEqual(UNTOUCHED);
  expect(honest.map((node) => node.fleetView().documentHash)).toEqual([hash, hash]);
  expect(honest.map((node) => node.robot("zap-1")?.status)).toEqual(["up", "up"]);
}, 60_000);

test("SG1 SG2 what was signed for another kind, for another fleet or by another counts on real nodes for nothing, whoever signed it, and is counted and audited", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest, issuer } = fleet;
  const member = await fleet.member("evil");
  const { env } = member;
  const abroad: Env = { ...env, identity: { ...env.identity, fleet: OTHER_FLEET } };
  const { transport, heard } = await infiltrateAll(fleet, member);
  // A member in good standing, until now.
  transport.publish("state", new LyingAuthor(env, createYjsDocuments).header(EPOCH).bytes);
  transport.publish("pulse", pulseOf(env, EPOCH));
  await until("it counts", () => honest.every((at) => at.fleetView().roster === 3));
  const watch = new PulseWatch(honest);
  const hashes = honest.map((at) => at.fleetView().documentHash);
  const name = { boot: issuer.fleetView().self.boot, seq: 1 };
  const statement = { kind: "accuse", subject: issuer.id, evidence: undefined, name } as const;
  const said = { boot: EPOCH, seq: 1, upMs: 1, statements: [statement] };
  const accusation = sealObservation(env, said);
  const { body } = opened(env, accusation);
  const [pulse] = heard.filter(({ topic, from }) => topic === "pulse" && from === issuer.id);
  // Its own words of another kind and of another fleet: only the signature tells.
  transport.publish("verdict", asKind(env, sealEnvelope(env, "pulse", body), "observation"));
  transport.publish("pulse", pulseOf(abroad, EPOCH + 1));
  transport.publish("verdict", sealEnvelope(abroad, "observation", body));
  transport.publish("state", new LyingAuthor(abroad, createYjsDocuments).header(EPOCH + 1).bytes);
  // And its own, as if another had said it.
  const mine = opened(env, new LyingAuthor(env, createYjsDocuments).header(EPOCH + 2).bytes);
  transport.publish("state", encodeEnvelope(env, { ...mine, author: issuer.id }));
  for (const at of honest)
    await until("all five are counted", () => refusedAt(at, "signature-bad") === 5);
  await refusedAndAudited(honest, "signature-bad");
  // Another's word, as one of another kind.
  for (const [kind, topic] of [
    ["entry", "state"],
    ["observation", "verdict"],
  ] as const)
    transport.publish(topic, asKind(env, pulse?.bytes ?? accusation, kind));
  transport.publish(
    "authority",
    env.ports.codec.encode(await fleet.grant(member.id, {}, OTHER_FLEET)),
  );
  for (const reason of ["entry-malformed", "fleet-foreign"])
    await refusedAndAudited(honest, reason);
  // Where it is its own there is no witness of that name.
  const reasons = [
    refusedAt(issuer, "observation-stranger"),
    refusedAt(honest[1] as PulsemeshNode, "signature-bad"),
  ];
  expect(reasons).toEqual([1, 6]);
  expect(await watch.end()).toEqual(UNTOUCHED);
  expect(honest.map((at) => at.fleetView().documentHash)).toEqual(hashes);
  expect(honest.map((at) => refusedAt(at, "accusation-refuted"))).toEqual([0, 0]);
}, 60_000);
