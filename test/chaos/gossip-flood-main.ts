/**
 * A member that floods, for `gossip-flood.test.ts`: presents the grant of a data directory and publishes statements that nobody can place, as many as it is
 * told a second, each signed anew with a key that it makes up; until its parent is gone or tells it to end.
 */
import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dagCborCodec, TOKEN_TYPES, type TransportHandler } from "@pulsemesh/core";
import { AUTHORITY_FILES, peerIdOfKey, readStatements } from "@pulsemesh/node";
import { createLibp2pTransport } from "@pulsemesh/transport-libp2p";

export interface FloodOrder {
  readonly dir: string;
  readonly fleet: string;
  readonly join: readonly string[];
  readonly perSecond: number;
}

const TICK_MS = 20;
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
/** Of the protobuf in `node.key`. */
const SEED_AT = 4;
const SEED_BYTES = 32;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

process.on("disconnect", () => process.exit(0));
process.once("message", (order: FloodOrder) => void flood(order));

async function flood({ dir, fleet, join: addresses, perSecond }: FloodOrder): Promise<void> {
  const file = Buffer.from(readFileSync(join(dir, "node.key"), "utf8"), "base64");
  const privateKey = new Uint8Array(file.subarray(SEED_AT, SEED_AT + SEED_BYTES));
  const statements = readStatements(join(dir, AUTHORITY_FILES.statements)) ?? [];
  const transport = await createLibp2pTransport({ privateKey, fleet, join: addresses });
  transport.present(statements.at(-1));
  await transport.start(deaf);
  const made = maker(fleet);
  let due = 0;
  let sent = 0;
  setInterval(() => {
    if (transport.peers().length === 0) return;
    for (due += (perSecond * TICK_MS) / 1_000; due >= 1; due--) {
      transport.publish("authority", dagCborCodec.encode(made()));
      sent += 1;
    }
    process.send?.({ sent, peers: transport.peers().length });
  }, TICK_MS);
}

/** Makes grants of a key that nobody has named, each another one. */
function maker(fleet: string): () => string {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, randomBytes(SEED_BYTES)]),
    format: "der",
    type: "pkcs8",
  });
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-SEED_BYTES);
  const kid = base32(raw);
  const header = encode({ alg: "Ed25519", typ: TOKEN_TYPES.grant, kid });
  const nowS = Math.floor(Date.now() / 1_000);
  const terms = { roles: ["robot"], robots: ["*"], region: "eu", audit: kid, cosign: kid };
  let count = 0;
  return () => {
    const times = { iat: nowS, nbf: nowS, exp: nowS + 3_600 + ++count };
    const payload = encode({ iss: kid, aud: fleet, sub: peerIdOfKey(kid), ...times, ...terms });
    const signed = `${header}.${payload}`;
    return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => BASE32[parseInt(five.padEnd(5, "0"), 2)])
    .join("");
}

const deaf: TransportHandler = {
  admit: () => undefined,
  gossip: () => "ignore",
  message: () => undefined,
  peerUp: () => undefined,
  peerDown: () => undefined,
  rejected: () => undefined,
};
