/** Members that accuse the living, on real nodes: one fewer than a verdict takes. */
import { expect, test } from "vitest";
import { comparePulseNames } from "../../packages/core/src/ids.ts";
import { sealObservation } from "../../packages/core/src/liveness/observation-codec.ts";
import { decodePulseHeader, type PulseHeader } from "../../packages/core/src/pulse/pulse-codec.ts";
import { decodeEnvelope, type Envelope } from "../../packages/core/src/wire/envelope.ts";
import {
  auditedAt,
  countAt,
  HostileFleet,
  type Member,
  PulseWatch,
  type Reject,
  refusedAndAudited,
  refusedAt,
  statusesOf,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { type HostilePeer, type Lawless, runLawless } from "../support/hostile-peer.ts";
import { until } from "../support/until.ts";

const BYTES_MAX = 64 * 1_024;
/** Above whatever its own core has said. */
const SEQ_AT = 1_000_000;

/** The newest pulse of `victim` that came by, with the header that proves it. */
function newestOf(
  { env }: Member,
  { heard }: Pick<HostilePeer, "heard">,
  victim: string,
): { readonly header: PulseHeader; readonly envelope: Envelope } | undefined {
  return heard
    .filter(({ topic }) => topic === "pulse")
    .flatMap(({ bytes }) => {
      const opened = decodeEnvelope(env, bytes, BYTES_MAX);
      if (!opened.ok || opened.envelope.author !== victim) return [];
      const header = decodePulseHeader(env, opened.envelope);
      const envelope = { ...opened.envelope, attachment: undefined };
      return header.ok ? [{ header: header.value, envelope }] : [];
    })
    .toSorted((a, b) => comparePulseNames(a.header, b.header))
    .at(-1);
}

test("VE3 P2 q - 1 members that accuse a live node, again with each of its pulses, bring no verdict over it on real nodes, and it counts and audits that it was accused", async () => {
  await using fleet = await HostileFleet.of(2);
  const { honest } = fleet;
  const victim = honest[2];
  if (victim === undefined) throw new Error("three");
  const liars: { readonly member: Member; readonly peer: Lawless }[] = [];
  for (const name of ["evil-1", "evil-2"]) {
    const member = await fleet.member(name);
    liars.push({ member, peer: await runLawless(fleet, member) });
  }
  // Three of five: with one more they would be a quorum.
  await until("all count", () => honest.every((at) => at.fleetView().roster === 5));
  const watch = new PulseWatch(honest);
  const accused = new Set<string>();
  await until("each pulse was accused", () => {
    for (const { member, peer } of liars) {
      const newest = newestOf(member, peer, victim.id);
      const name = `${member.id} ${newest?.header.boot} ${newest?.header.seq}`;
      if (newest === undefined || accused.has(name)) continue;
      accused.add(name);
      const { header, envelope } = newest;
      const statement = { kind: "accuse", subject: victim.id, name: header } as const;
      const said = sealObservation(member.env, {
        boot: peer.core().fleet({ monoMs: performance.now(), wallMs: Date.now() }).self.boot,
        seq: SEQ_AT + accused.size,
        upMs: performance.now(),
        statements: [{ ...statement, evidence: { envelope, header } }],
      });
      peer.transport.publish("verdict", said);
    }
    return accused.size >= 16;
  });
  expect(await watch.end()).toEqual(UNTOUCHED);
  await refusedAndAudited([victim], "accusation-refuted");
  expect(refusedAt(victim, "accusation-refuted")).toBeGreaterThanOrEqual(8);
  const rejects = (await auditedAt(victim, "reject")) as readonly Reject[];
  // One a second, so that of two who speak at one moment the first is named.
  const named = rejects.filter(({ reason }) => reason === "accusation-refuted");
  const liarIds = liars.map(({ member }) => member.id);
  for (const { data } of named) expect(liarIds).toContain(data["from"]);
  expect(honest.map((at) => countAt(at, "verdicts_total", "down"))).toEqual([0, 0, 0]);
  expect(new Set(statusesOf(honest))).toEqual(new Set(["up"]));
}, 60_000);
