/**
 * The clientID of a generation (rule CH2): derived from what opened it, so that it can be checked and never needs to be claimed.
 * 2^32 + H52 keeps clear of the 32-bit ids that stock Yjs clients draw, and inside the safe integers.
 */
import type { Env } from "../env.ts";
import type { DocumentName, NodeId } from "../ids.ts";
import type { GenerationRef } from "../ports.ts";

/** `openSeq` is the seq of the header (an empty generation) or of the snapshot that opened it. */
export function generationClientId(env: Env, generation: GenerationRef, openSeq: number): number {
  const { document, author, epoch } = generation;
  return clientIdOf(env, [
    "pulsemesh/1/client",
    env.identity.fleet,
    document,
    author,
    epoch,
    openSeq,
  ]);
}

/** Of what stands for a revoked author (rule ME1): the same whatever place it was cut at, and no chain's. */
export function custodyClientId(env: Env, document: DocumentName, author: NodeId): number {
  return clientIdOf(env, ["pulsemesh/1/custody", env.identity.fleet, document, author]);
}

function clientIdOf(env: Env, name: readonly (string | number)[]): number {
  const { codec, hash } = env.ports;
  const digest = hash.sha256(codec.encode(name));
  let high52 = (digest[6] ?? 0) >> 4;
  for (let i = 5; i >= 0; i--) high52 += (digest[i] ?? 0) * 2 ** (4 + 8 * (5 - i));
  return 2 ** 32 + high52;
}
