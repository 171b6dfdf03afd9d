import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { expect, test } from "vitest";
import { nodeIdOf, readPrivateKey } from "./private-key.ts";

test("SG1 a seed, seed with public key, and protobuf of one key give one node id", async () => {
  const seed = new Uint8Array(32).fill(7);
  const key = await readPrivateKey(seed);
  const ids = await Promise.all(
    [seed, key.raw, privateKeyToProtobuf(key)].map(async (bytes) =>
      nodeIdOf(await readPrivateKey(bytes)),
    ),
  );
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^12D3KooW/);
});

test("SG1 other keys and other bytes are refused", async () => {
  const foreign = privateKeyToProtobuf(await generateKeyPair("secp256k1"));
  for (const bytes of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(68), foreign]) {
    await expect(readPrivateKey(bytes)).rejects.toMatchObject({ code: "option-invalid" });
  }
});
