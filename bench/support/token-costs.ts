/** What it costs to read a grant, and to refuse bytes that are none, as a real node does. */
import { type GrantClaims, readClaims } from "@pulsemesh/core";
import { signToken } from "@pulsemesh/node";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { generateSeed, rawPublicKey } from "../../packages/node/src/keys/ed25519.ts";
import { nodeIdOf } from "../../packages/node/src/keys/peer-id.ts";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";
import { type Figures, figuresOf } from "./figures.ts";

const READS = 3_000;
const REFUSALS = 200;
const HOSTILE_LENGTH = 16 * 1024;

const seed = generateSeed();
const signer = encodeBase32(rawPublicKey(seed));

/** A grant as issuers sign it. */
async function signGrant(): Promise<string> {
  const key = (): string => encodeBase32(rawPublicKey(generateSeed()));
  const nowS = Math.floor(Date.now() / 1_000);
  const claims: GrantClaims = {
    kind: "grant",
    signer,
    node: nodeIdOf(rawPublicKey(generateSeed())),
    roles: ["robot"],
    robots: ["zap-*"],
    region: "eu",
    auditKey: key(),
    cosignKey: key(),
    notBeforeS: nowS,
    expS: nowS + 14 * 86_400,
    issuedS: nowS,
  };
  return signToken(claims, seed, signer);
}

/** Reading one, signature and claims, in ms: of each a different one, as nothing is remembered. */
export async function readMs(): Promise<Figures> {
  const tokens = await Promise.all(Array.from({ length: READS }, signGrant));
  const samples = tokens.map((token) => {
    const begunMs = performance.now();
    const read = tokenPort.read(token);
    if (read === undefined || !readClaims(read, signer).ok)
      throw new Error("A grant must be read.");
    return performance.now() - begunMs;
  });
  // The first ones pay for the compiler.
  return inMicroseconds(samples.slice(READS / 3));
}

/** CPU of refusing 16 KiB of each kind, in ms: the worst kind is the goal's. */
export async function hostileCpuMs(): Promise<{
  readonly worstMs: number;
  readonly kinds: Readonly<Record<string, number>>;
}> {
  const [header = "", , signature = ""] = (await signGrant()).split(".");
  const base64 = (text: string): string => Buffer.from(text).toString("base64url");
  const payload = (text: string): string => {
    const length = HOSTILE_LENGTH - header.length - signature.length - 2;
    return `${header}.${base64(text).slice(0, length - (length % 4))}.${signature}`;
  };
  const kinds: Readonly<Record<string, string>> = {
    "not signed by its key": payload(JSON.stringify({ pad: "x".repeat(HOSTILE_LENGTH) })),
    "deep JSON": payload("[".repeat(HOSTILE_LENGTH)),
    "a long header": `${base64(`{"alg":"Ed25519","x":"${"y".repeat(11_900)}"}`)}.e30.${signature}`,
    "a deep header": `${base64("[".repeat(12_000))}.e30.${signature}`,
    "points alone": ".".repeat(HOSTILE_LENGTH),
    "no base64url": "=".repeat(HOSTILE_LENGTH),
    "three long parts": Array.from({ length: 3 }, () => "A".repeat(5_460)).join("."),
  };
  const costs = Object.entries(kinds).map(([kind, token]) => {
    const before = process.cpuUsage();
    for (let i = 0; i < REFUSALS; i++)
      if (tokenPort.read(token) !== undefined) throw new Error(`${kind} must be refused.`);
    const { user, system } = process.cpuUsage(before);
    return [kind, Math.round((user + system) / REFUSALS) / 1_000] as const;
  });
  return { worstMs: Math.max(...costs.map(([, ms]) => ms)), kinds: Object.fromEntries(costs) };
}

/** Figures round to a tenth, which is too coarse here. */
function inMicroseconds(samplesMs: readonly number[]): Figures {
  return figuresOf(samplesMs.map((ms) => ms * 1_000));
}
