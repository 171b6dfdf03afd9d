/**
 * A member that floods, for `gossip-flood.test.ts`: presents the grant of a data directory and says statements that nobody can place, as many as it is told a
 * second. All of them are made and signed beforehand with a key of its own making, and no router is between it and its streams, so that to attack costs next
 * to nothing beside what it costs to be attacked. Each message is a frame of its own: of those that come together each costs a third less.
 */
import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stream } from "@libp2p/interface";
import { dagCborCodec, TOKEN_TYPES } from "@pulsemesh/core";
import { AUTHORITY_FILES, peerIdOfKey, readStatements } from "@pulsemesh/node";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { readKey } from "../../packages/node/src/keys/key-file.ts";
import { openGossip } from "../support/raw-gossip.ts";
import { frame } from "../support/stranger.ts";

export interface FloodOrder {
  readonly dir: string;
  readonly fleet: string;
  readonly join: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

/** Tells it to begin. */
export interface FloodBegin {
  /** Of its writes each so manieth: 1 for all. */
  readonly every: number;
}

/** What it tells its parent: that it is among them and ready, then how many messages each peer was sent until now. */
export interface FloodSaid {
  readonly isReady: boolean;
  readonly sent: number;
}

const WRITES_PER_SECOND = 20;
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SEED_BYTES = 32;

process.on("disconnect", () => process.exit(0));
process.once("message", (order: FloodOrder) => void prepare(order));

async function prepare({ dir, fleet, join: addresses, ...order }: FloodOrder): Promise<void> {
  const { protobuf } = readKey(join(dir, "node.key"));
  const grant = (readStatements(join(dir, AUTHORITY_FILES.statements)) ?? []).at(-1) ?? "";
  const perWrite = Math.ceil(order.perSecond / WRITES_PER_SECOND);
  const writes = makeWrites(fleet, perWrite, order.seconds * WRITES_PER_SECOND);
  const streams = await Promise.all(
    addresses.map((address) => openGossip({ address, fleet, grant, privateKey: protobuf })),
  );
  process.once("message", ({ every }: FloodBegin) => {
    const said = writes.filter((_, index) => index % every === 0);
    void flood(streams, said, { perWrite, everyMs: (every * 1_000) / WRITES_PER_SECOND });
  });
  say({ isReady: true, sent: 0 });
}

/** Each write to each peer at its time, or as soon as all take it; one that is late is not left out. */
async function flood(
  streams: readonly Stream[],
  writes: readonly Uint8Array[],
  { perWrite, everyMs }: { readonly perWrite: number; readonly everyMs: number },
): Promise<void> {
  const startMs = performance.now();
  for (const [index, bytes] of writes.entries()) {
    const waitMs = startMs + index * everyMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    await Promise.all(streams.map((stream) => give(stream, bytes)));
    say({ isReady: true, sent: (index + 1) * perWrite });
  }
}

async function give(stream: Stream, bytes: Uint8Array): Promise<void> {
  if (stream.status === "open" && !stream.send(bytes)) await stream.onDrain();
}

function say(said: FloodSaid): void {
  process.send?.(said);
}

/** Messages are field 2 of a frame, each with its bytes (2) and its topic (4). */
function makeWrites(fleet: string, perWrite: number, count: number): readonly Uint8Array[] {
  const topic = Buffer.from(`/pulsemesh/1/${fleet}/authority`);
  const next = maker(fleet);
  const message = (): Uint8Array =>
    Buffer.concat([field(0x12, dagCborCodec.encode(next())), field(0x22, topic)]);
  return Array.from({ length: count }, () =>
    Buffer.concat(Array.from({ length: perWrite }, () => frame(field(0x12, message())))),
  );
}

function field(tag: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(tag), frame(bytes)]);
}

/** Makes grants of a key that nobody has named, each another one. */
function maker(fleet: string): () => string {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, randomBytes(SEED_BYTES)]),
    format: "der",
    type: "pkcs8",
  });
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-SEED_BYTES);
  const kid = encodeBase32(raw);
  const header = encode({ alg: "Ed25519", typ: TOKEN_TYPES.grant, kid });
  const nowS = Math.floor(Date.now() / 1_000);
  const terms = { roles: ["robot"], robots: ["*"], region: "eu", audit: kid, cosign: kid };
  const who = { iss: kid, aud: fleet, sub: peerIdOfKey(kid) };
  let count = 0;
  return () => {
    const times = { iat: nowS, nbf: nowS, exp: nowS + 3_600 + ++count };
    const payload = encode({ ...who, ...times, ...terms });
    const signed = `${header}.${payload}`;
    return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
