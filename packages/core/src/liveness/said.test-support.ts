/** What virtual nodes said on the wire, and words put into a member's mouth: for the tests in this folder. */
import type { NodeId, PulseName } from "../ids.ts";
import { decodePulseHeader, PULSE_BYTES_MAX } from "../pulse/pulse-codec.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import {
  decodeObservation,
  OBSERVATION_BYTES_MAX,
  sealObservation,
  type Evidence,
  type ObservationKind,
  type Statement,
} from "./observation-codec.ts";
import type { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

interface Said extends Statement {
  readonly atMs: number;
}

/** Every statement that `by` has made since `sinceMs`, to everybody; with `topic` direct, to single nodes. */
export function saidBy(
  net: VirtualNeighbours,
  by: NodeId,
  sinceMs: number,
  topic = "verdict",
): readonly Said[] {
  const { env } = net.node(by);
  return net.sent.flatMap((sent) => {
    if (sent.from !== by || sent.topic !== topic || sent.atMs < sinceMs) return [];
    const opened = decodeEnvelope(env, sent.bytes, OBSERVATION_BYTES_MAX);
    if (!opened.ok || opened.envelope.kind !== "observation") return [];
    const observation = decodeObservation(env, opened.envelope.body);
    return (observation?.statements ?? []).map((statement) => ({
      ...statement,
      atMs: sent.atMs,
    }));
  });
}

/** When `by` sent a pulse to everybody since `sinceMs`. */
export function pulsesOf(
  net: VirtualNeighbours,
  by: NodeId,
  sinceMs: number,
): readonly { readonly atMs: number; readonly bytes: Uint8Array }[] {
  return net.sent.filter(
    ({ from, topic, atMs }) => from === by && topic === "pulse" && atMs >= sinceMs,
  );
}

/** A pulse as evidence. */
export function evidenceOf(net: VirtualNeighbours, bytes: Uint8Array): Evidence {
  const { env } = net.nodes[0] as { env: Parameters<typeof decodeEnvelope>[0] };
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok) throw new Error(opened.code);
  const header = decodePulseHeader(env, opened.envelope);
  if (!header.ok) throw new Error(header.code);
  return { envelope: { ...opened.envelope, attachment: undefined }, header: header.value };
}

let lieSeq = 1_000_000;

/** A member says what it likes about `about`, signed as it must be, to everybody at once. */
export function lie(
  net: VirtualNeighbours,
  liar: NodeId,
  what: {
    readonly kind: ObservationKind;
    readonly about: NodeId;
    readonly evidence?: Evidence | undefined;
    readonly name?: PulseName | undefined;
  },
): void {
  const { env, near } = net.node(liar);
  const { kind, about, evidence } = what;
  const { boot, seq } = what.name ?? evidence?.header ?? { boot: 0, seq: 0 };
  lieSeq += 1;
  const bytes = sealObservation(env, {
    boot: near.pulses.boot,
    seq: lieSeq,
    upMs: near.pulses.upMs(net.clockOf(net.node(liar))),
    statements: [{ kind, subject: about, name: { boot, seq }, evidence }],
  });
  for (const node of net.nodes) if (node.id !== liar) net.deliver("verdict", bytes, liar, node);
}
