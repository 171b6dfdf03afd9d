import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isPinClosed, readFleetPin, writeFleetPin } from "./fleet-pin.ts";
import { keyFromSeed, loadOrCreateKey } from "./key-file.ts";
import { nodeIdOf, publicKeyOf } from "./peer-id.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-keys-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const seedOfTestVector = Uint8Array.from(
  Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex"),
);

describe("node key", () => {
  test("ME1 the public key is that of RFC 8032, and the node id is the peer id of libp2p", () => {
    const key = keyFromSeed(seedOfTestVector);
    expect(Buffer.from(key.publicKey).toString("hex")).toBe(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    const node = nodeIdOf(key.publicKey);
    expect(node).toMatch(/^12D3KooW/);
    expect(publicKeyOf(node)).toEqual(key.publicKey);
    expect(key.protobuf).toHaveLength(68);
  });

  test("SG4 an id that is no Ed25519 peer id names no key", () => {
    const node = nodeIdOf(new Uint8Array(32));
    for (const text of ["", node.slice(0, -1), `${node}1`, `Qm${node.slice(2)}`, "x y"]) {
      expect(publicKeyOf(text)).toBeUndefined();
    }
  });

  test("P5 a key is made once, kept private, and read back", () => {
    const path = join(dir, "node.key");
    const made = loadOrCreateKey(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadOrCreateKey(path)).toEqual(made);
    expect(readdirSync(dir)).toEqual(["node.key"]);
  });

  test("P5 a damaged key is an error and never replaced", () => {
    const path = join(dir, "node.key");
    loadOrCreateKey(path);
    const text = readFileSync(path, "utf8");
    for (const damaged of [
      "",
      "garbage",
      text.slice(0, 40),
      `A${text.slice(1)}`,
      `${text.slice(0, 80)}AAAA${text.slice(84)}`,
    ]) {
      writeFileSync(path, damaged);
      expect(() => loadOrCreateKey(path)).toThrow(
        expect.objectContaining({ code: "data-dir-unusable" }),
      );
      expect(readFileSync(path, "utf8")).toBe(damaged);
    }
  });
});

describe("fleet pin", () => {
  test("ME1 a joiner pins the id that it was given, without a root key", () => {
    const fleet = "a".repeat(52);
    expect(readFleetPin(dir)).toBeUndefined();
    writeFleetPin(dir, fleet);
    expect(readFleetPin(dir)).toBe(fleet);
    expect(readdirSync(dir)).toEqual(["fleet.json"]);
    expect(statSync(join(dir, "fleet.json")).mode & 0o777).toBe(0o600);
  });

  test("ME1 a pin says that its fleet has an authority, unless it is one of an earlier release", () => {
    expect(isPinClosed(dir)).toBe(false);
    writeFleetPin(dir, "a".repeat(52));
    expect(isPinClosed(dir)).toBe(true);
    for (const text of ["", ',"closed":false', ',"closed":1']) {
      writeFileSync(join(dir, "fleet.json"), `{"fleet":"${"a".repeat(52)}"${text}}`);
      expect(isPinClosed(dir)).toBe(false);
    }
  });

  test("ME1 a damaged pin is an error, not a new fleet", () => {
    for (const text of ["", "{}", '{"fleet":"no"}', '{"fleet":7}', "null"]) {
      writeFileSync(join(dir, "fleet.json"), text);
      expect(() => readFleetPin(dir)).toThrow(
        expect.objectContaining({ code: "data-dir-unusable" }),
      );
    }
  });

  test("P5 a directory that cannot be written to leaves nothing half made", () => {
    chmodSync(dir, 0o500);
    // Root may write anywhere; then there is nothing to see here.
    if (process.getuid?.() !== 0) {
      expect(() => writeFleetPin(dir, "a".repeat(52))).toThrow(
        expect.objectContaining({ code: "data-dir-unusable" }),
      );
    }
    chmodSync(dir, 0o700);
    expect(() => loadOrCreateKey(join(dir, "missing", "node.key"))).toThrow(
      expect.objectContaining({ code: "data-dir-unusable" }),
    );
    expect(readdirSync(dir)).not.toContain("node.key");
  });
});
