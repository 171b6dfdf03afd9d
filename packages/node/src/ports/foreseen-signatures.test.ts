import { type KeyObject, sign } from "node:crypto";
import { expect, test } from "vitest";
import { generateSeed, privateKeyFromSeed, rawPublicKey } from "../keys/ed25519.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { FORESEEN_MAX, ForeseenSignatures, type VerifyInThread } from "./foreseen-signatures.ts";
import { createNodeSignature } from "./node-signature.ts";

const key = {} as KeyObject;
const bytes = new TextEncoder().encode("entry");
const signature = new Uint8Array(64).fill(7);

/** Threads that answer when they are told to. */
function threads() {
  const begun: ((isSigned: boolean) => void)[] = [];
  const verify: VerifyInThread = (_key, _bytes, _signature, done) => begun.push(done);
  return { begun, foreseen: new ForeseenSignatures(verify) };
}

test("SG1 what was foreseen answers for just this node, these bytes and this signature, once, and not before it is known", () => {
  for (const isSigned of [true, false]) {
    const { begun, foreseen } = threads();
    const other = new Uint8Array(64).fill(8);
    const ask = (node: string, of: Uint8Array, by: Uint8Array): boolean | undefined => {
      foreseen.add("a", key, bytes, signature);
      begun.pop()?.(isSigned);
      return foreseen.take(node, of, by);
    };
    expect(ask("a", Uint8Array.from(bytes), Uint8Array.from(signature))).toBe(isSigned);
    expect(foreseen.take("a", bytes, signature)).toBeUndefined();
    expect(ask("b", bytes, signature)).toBeUndefined();
    expect(ask("a", new TextEncoder().encode("entrY"), signature)).toBeUndefined();
    expect(ask("a", bytes, other)).toBeUndefined();
    foreseen.add("a", key, bytes, signature);
    expect(foreseen.take("a", bytes, signature)).toBeUndefined();
  }
});

test("P6 FORESEEN_MAX signatures are foreseen at most, the others computed when they are asked for", () => {
  const { begun, foreseen } = threads();
  for (let i = 0; i < FORESEEN_MAX + 5; i++) {
    const each = new Uint8Array(64);
    new DataView(each.buffer).setUint32(0, i);
    foreseen.add("a", key, bytes, each);
  }
  expect(begun).toHaveLength(FORESEEN_MAX);
});

test("SG1 SG4 with real threads a foreseen signature is as good, and as bad, as one that is not", async () => {
  const seed = generateSeed();
  const self = nodeIdOf(rawPublicKey(seed));
  const good = new Uint8Array(sign(null, bytes, privateKeyFromSeed(seed)));
  const bad = good.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
  const port = createNodeSignature(generateSeed());
  for (const turns of [0, 1, 20]) {
    port.verifySoon?.(self, bytes, good);
    port.verifySoon?.(self, bytes, bad);
    port.verifySoon?.("nobody", bytes, good);
    port.verifySoon?.(self, bytes, good.subarray(1));
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(port.verify(self, bytes, good)).toBe(true);
    expect(port.verify(self, bytes, bad)).toBe(false);
    expect(port.verify("nobody", bytes, good)).toBe(false);
    expect(port.verify(self, bytes, good.subarray(1))).toBe(false);
  }
});
