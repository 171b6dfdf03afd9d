import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { generateSeed, rawPublicKey } from "../keys/ed25519.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { createPortsFactory, sha256 } from "./create-ports.ts";
import { CACHED_LINES_MAX, createCron, CRON_LINE_LENGTH_MAX } from "./cron.ts";
import { CACHED_KEYS_MAX, createNodeSignature } from "./node-signature.ts";

const bytes = new TextEncoder().encode("pulse");

describe("node signature", () => {
  test("SG1 signs as this node, and anybody can check it with the node id alone", () => {
    const seed = generateSeed();
    const self = nodeIdOf(rawPublicKey(seed));
    const mine = createNodeSignature(seed);
    const others = createNodeSignature(generateSeed());
    const signature = mine.sign(bytes);
    expect(signature).toHaveLength(64);
    expect(others.verify(self, bytes, signature)).toBe(true);
    expect(others.verify(self, new TextEncoder().encode("pulsE"), signature)).toBe(false);
    expect(others.verify(nodeIdOf(rawPublicKey(generateSeed())), bytes, signature)).toBe(false);
  });

  test("SG1 SG4 what is malformed is no signature, and never throws", () => {
    const seed = generateSeed();
    const self = nodeIdOf(rawPublicKey(seed));
    const port = createNodeSignature(seed);
    const signature = port.sign(bytes);
    expect(port.verify(self, bytes, signature.subarray(1))).toBe(false);
    expect(port.verify(self, bytes, new Uint8Array())).toBe(false);
    expect(port.verify("nobody", bytes, signature)).toBe(false);
    expect(port.verify("", bytes, signature)).toBe(false);
    expect(port.verify(nodeIdOf(new Uint8Array(32).fill(0xff)), bytes, signature)).toBe(false);
  });

  test("P6 CACHED_KEYS_MAX parsed keys are kept, and one that fell out is parsed again", () => {
    const port = createNodeSignature(generateSeed());
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const node = nodeIdOf(raw);
    const signature = sign(null, bytes, privateKey);
    expect(port.verify(node, bytes, signature)).toBe(true);
    const other = new Uint8Array(32);
    for (let i = 0; i < CACHED_KEYS_MAX; i++) {
      new DataView(other.buffer).setUint32(0, i);
      port.verify(nodeIdOf(other), bytes, signature);
    }
    expect(port.verify(node, bytes, signature)).toBe(true);
  });
});

describe("cron", () => {
  const cron = createCron();
  const at = (text: string) => Date.parse(text);

  test("VE7 the next due time is strictly after the given one, in the zone of the line", () => {
    expect(cron.nextDueWallMs("0 2 * * *", "UTC", at("2026-01-01T01:59:59Z"))).toBe(
      at("2026-01-01T02:00:00Z"),
    );
    expect(cron.nextDueWallMs("0 2 * * *", "UTC", at("2026-01-01T02:00:00Z"))).toBe(
      at("2026-01-02T02:00:00Z"),
    );
    expect(cron.nextDueWallMs("0 2 * * *", "Asia/Tokyo", at("2026-01-01T00:00:00Z"))).toBe(
      at("2026-01-01T17:00:00Z"),
    );
    expect(cron.nextDueWallMs("*/10 * * * * *", "UTC", at("2026-01-01T00:00:01Z"))).toBe(
      at("2026-01-01T00:00:10Z"),
    );
  });

  test("VE7 a line or zone that is none, or is never due again, has no due time", () => {
    expect(cron.nextDueWallMs("every day", "UTC", 0)).toBeUndefined();
    expect(cron.nextDueWallMs("0 2 * * *", "Mars/Olympus", 0)).toBeUndefined();
    expect(cron.nextDueWallMs("0 0 31 2 *", "UTC", at("2026-01-01T00:00:00Z"))).toBeUndefined();
  });

  test("VE7 CRON_LINE_LENGTH_MAX bounds what is parsed, CACHED_LINES_MAX what is kept", () => {
    const long = `0 ${"1,".repeat(CRON_LINE_LENGTH_MAX / 2)}2 * * *`;
    expect(cron.nextDueWallMs(long, "UTC", 0)).toBeUndefined();
    for (let i = 0; i <= CACHED_LINES_MAX; i++)
      cron.nextDueWallMs(`${i % 60} ${i % 24} * * ${i % 7}`, "UTC", 0);
    expect(cron.nextDueWallMs("0 2 * * *", "UTC", at("2026-01-01T00:00:00Z"))).toBe(
      at("2026-01-01T02:00:00Z"),
    );
  });
});

test("SG1 ports hash with SHA-256, draw in range, and give every life of core documents of its own", () => {
  expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(
    "41b589ea15f2d94a20fbdde82b0ed6988fb46742a7cdb44e396b0dd4747ffbc2",
  );
  const createPorts = createPortsFactory(generateSeed());
  const [first, second] = [createPorts(), createPorts()];
  expect(first.documents).not.toBe(second.documents);
  for (let i = 0; i < 100; i++) {
    const unit = first.random.unit();
    expect(unit >= 0 && unit < 1).toBe(true);
  }
  expect(first.random.bytes(16)).toHaveLength(16);
});
