/** What well-signed statements that count nowhere cost a node, as fast as one member is asked for them: anybody has keys, and some have an old issuer's. */
import {
  type CodecPort,
  dagCborCodec,
  type Effect,
  type GrantClaims,
  type Issuer,
  type RootClaims,
  ROLES,
  statementId,
} from "@pulsemesh/core";
import { signToken } from "@pulsemesh/node";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { generateSeed, rawPublicKey } from "../../packages/node/src/keys/ed25519.ts";
import { nodeIdOf } from "../../packages/node/src/keys/peer-id.ts";
import { sha256 } from "../../packages/node/src/ports/sha256.ts";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";
import { CoreRig } from "../../packages/testkit/src/core-rig.ts";
import { createTestPorts } from "../../packages/testkit/src/test-ports.ts";

/** One page of names, which is what one message may hold. */
const STATEMENTS = 4_096;
const SECONDS = 10;
const PIECE = 16 * 1024;
const ATTACKER = nodeIdOf(rawPublicKey(generateSeed()));
const atS = Math.floor(Date.now() / 1_000);

interface Key {
  readonly seed: Uint8Array;
  readonly id: string;
}

export interface FloodCost {
  /** Of all that was sent, as in a message. */
  readonly cpuMsPerPiece: number;
  /** Of one second in which nothing else was said. */
  readonly cpuMsPerSecond: number;
  readonly statements: number;
}

/** By a key of the attacker's own, which no root statement speaks of, and by one of an issuer that was replaced. */
export async function floodCosts(): Promise<{
  readonly unknown: FloodCost;
  readonly replaced: FloodCost;
}> {
  const [root, issuer, old, own] = [makeKey(), makeKey(), makeKey(), makeKey()];
  const bounds = (key: Key): Issuer => ({
    key: key.id,
    expS: atS + 86_400,
    roles: ROLES,
    robots: ["*"],
  });
  const one: RootClaims = {
    kind: "root",
    signer: root.id,
    number: 1,
    previous: undefined,
    nextRootHash: "0".repeat(64),
    charterKey: issuer.id,
    issuers: [bounds(issuer), bounds(old)],
    voids: [],
    issuedS: atS - 100,
  };
  const first = await signToken(one, root.seed, root.id);
  const two = { ...one, number: 2, previous: idOf(first), issuers: [bounds(issuer)] };
  const second = await signToken({ ...two, issuedS: atS - 50 }, root.seed, root.id);
  const statements = [first, second, await signGrant(issuer, root.id, ATTACKER)];
  const costOf = async (key: Key): Promise<FloodCost> => {
    const tokens = Array.from({ length: STATEMENTS }, () => signGrant(key, root.id));
    return flood(root.id, statements, await Promise.all(tokens));
  };
  // Once for the compiler.
  await costOf(old);
  return { unknown: await costOf(own), replaced: await costOf(old) };
}

/** Offers them all at once, and hands over what is asked for as soon as it is. */
function flood(fleet: string, statements: readonly string[], tokens: readonly string[]): FloodCost {
  const ports = { ...createTestPorts("judge"), hash: { sha256 }, tokens: tokenPort };
  const rig = new CoreRig("judge", { fleet, ports, config: { statements }, wallMs: atS * 1_000 });
  rig.start();
  rig.input({ type: "peer-up", peer: { node: ATTACKER, agent: "bench", addresses: [] } });
  const byId = new Map(tokens.map((token) => [idOf(token), token]));
  const names = [...byId.keys()].map((id) => Buffer.from(id, "hex"));
  let [bytes, count, micros] = [0, 0, 0];
  const timed = (work: () => readonly Effect[]): readonly Effect[] => {
    const before = process.cpuUsage();
    const effects = work();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    return effects;
  };
  const say = (message: unknown): readonly Effect[] => {
    const frame = ports.codec.encode(message);
    bytes += frame.length;
    const input = { type: "message", channel: "sync", from: ATTACKER, bytes: frame } as const;
    return timed(() => [...rig.input(input), ...rig.settle()]);
  };
  let effects = say(["statement-ids", names, true, false]);
  for (let second = 0; second < SECONDS; second++) {
    for (let asked = wanted(effects, ports.codec); asked.length > 0;) {
      count += asked.length;
      effects = say(["statement-have", asked.map((id) => byId.get(id) ?? "")]);
      asked = wanted(effects, ports.codec);
    }
    effects = timed(() => rig.advance(1_000));
  }
  return {
    cpuMsPerPiece: round((micros / 1_000 / bytes) * PIECE),
    cpuMsPerSecond: round(micros / 1_000 / SECONDS),
    statements: count,
  };
}

function wanted(effects: readonly Effect[], codec: CodecPort): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.type !== "send" || effect.channel !== "sync") return [];
    const [type, ids] = codec.decode(effect.bytes) as readonly [string, readonly Uint8Array[]];
    return type === "statement-want" ? ids.map((id) => Buffer.from(id).toString("hex")) : [];
  });
}

function signGrant(
  { seed, id }: Key,
  fleet: string,
  node: string = nodeIdOf(rawPublicKey(generateSeed())),
): Promise<string> {
  const named = { kind: "grant", signer: id, node, auditKey: id, cosignKey: id } as const;
  const times = { notBeforeS: atS, expS: atS + 86_400, issuedS: atS };
  const claims: GrantClaims = { ...named, ...times, roles: ["robot"], robots: ["*"], region: "eu" };
  return signToken(claims, seed, fleet);
}

function makeKey(): Key {
  const seed = generateSeed();
  return { seed, id: encodeBase32(rawPublicKey(seed)) };
}

function idOf(token: string): string {
  return statementId({ codec: dagCborCodec, hash: { sha256 } }, token);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
