import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../keys/code-of.test-support.ts";
import { type Claims, dagCborCodec, keyHash, readClaims, statementId } from "@pulsemesh/core";
import { afterEach, assert, beforeEach, describe, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { makeOpenFleet } from "../keys/open-fleet.test-support.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { readSecretKey, secretKeyId } from "../keys/secret-file.ts";
import { sha256 } from "../ports/sha256.ts";
import { tokenPort } from "../ports/tokens.ts";
import { FILE_STATEMENTS_MAX, readStatements, writeStatements } from "./authority-file.ts";
import { START_S } from "./enrolment.test-support.ts";
import { createFleetAuthority, type FleetAuthority, ISSUER_LIFE_MS } from "./fleet-authority.ts";

const phrase = "correct horse battery staple";
const hashing = { codec: dagCborCodec, hash: { sha256 } };
const rootFiles = ["fleet-root-next.key", "fleet-root.key", "root-statements.json"];
const dataFiles = [
  "audit.key",
  "authority.json",
  "cosign.key",
  "fleet.json",
  "issuer.key",
  "node.key",
];

let base: string;
let dir: string;
let rootDir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "pulsemesh-init-"));
  dir = join(base, "data");
  rootDir = join(base, "stick");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const fails = (code: string): unknown => expect.objectContaining({ code });
const init = async (options: object = {}): Promise<FleetAuthority> =>
  createFleetAuthority({ dir, rootDir, region: "eu", nowS: START_S, ...options });

function claimsOf(token: string | undefined, fleet: string): Claims {
  const read = tokenPort.read(token ?? "");
  assert(read !== undefined);
  const result = readClaims(read, fleet);
  assert(result.ok);
  return result.claims;
}

function made(folder: string): string {
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Everything is there, fits together, and nothing else is left. */
function checkWhole(whole: FleetAuthority): void {
  const { fleet, node, issuer, statements } = whole;
  expect(readdirSync(rootDir).toSorted()).toEqual(rootFiles);
  expect(readdirSync(dir).toSorted()).toEqual(dataFiles);
  expect(readFleetPin(dir)).toBe(fleet);
  expect(secretKeyId(join(rootDir, "fleet-root.key"))).toBe(fleet);
  expect(secretKeyId(join(dir, "issuer.key"))).toBe(issuer);
  expect(nodeIdOf(loadOrCreateKey(join(dir, "node.key")).publicKey)).toBe(node);
  expect(readStatements(join(dir, "authority.json"))).toEqual(statements);
  expect(readStatements(join(rootDir, "root-statements.json"))).toEqual(statements.slice(0, 1));
  const [root, charter, grant] = statements.map((token) => claimsOf(token, fleet));
  expect(root).toMatchObject({
    kind: "root",
    signer: fleet,
    number: 1,
    nextRootHash: keyHash(hashing, secretKeyId(join(rootDir, "fleet-root-next.key")) ?? ""),
    charterKey: issuer,
    issuers: [{ key: issuer, robots: ["*"], expS: START_S + ISSUER_LIFE_MS / 1_000 }],
  });
  expect(charter).toMatchObject({
    kind: "charter",
    signer: issuer,
    number: 1,
    root: statementId(hashing, statements[0] ?? ""),
    revocations: 0,
  });
  expect(grant).toMatchObject({
    kind: "grant",
    signer: issuer,
    node,
    roles: ["robot", "gateway", "operator"],
    robots: ["*"],
    region: "eu",
    auditKey: secretKeyId(join(dir, "audit.key")),
    cosignKey: secretKeyId(join(dir, "cosign.key")),
    expS: START_S + 14 * 86_400,
  });
}

describe("fleet authority", () => {
  test("ME1 ME6 makes the root's keys, an issuer and the first member, each file for its owner alone", async () => {
    const whole = await init();
    expect(whole.status).toBe("created");
    checkWhole(whole);
    for (const folder of [dir, rootDir]) {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(folder))
        expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    // The root's keys are nowhere else.
    expect(existsSync(join(dir, "fleet-root.key"))).toBe(false);
  });

  test("ME6 what is there stays, however often it is asked for", async () => {
    const whole = await init();
    expect(await init({ nowS: START_S + 9, region: "us" })).toEqual({
      ...whole,
      status: "present",
    });
    // Also when the root's keys were taken away.
    rmSync(rootDir, { recursive: true });
    expect(await init()).toEqual({ ...whole, status: "present" });
    rmSync(join(dir, "issuer.key"));
    expect(await init()).toMatchObject({ status: "present", issuer: undefined });
  });

  test("ME6 a passphrase seals both keys of the root, and nothing of them stands on the node", async () => {
    const whole = await init({ passphrase: phrase });
    checkWhole(whole);
    for (const name of ["fleet-root.key", "fleet-root-next.key"]) {
      const path = join(rootDir, name);
      expect(await codeOf(readSecretKey(path))).toBe("passphrase-wrong");
      expect(encodeBase32((await readSecretKey(path, phrase)).publicKey)).toBe(secretKeyId(path));
    }
    await readSecretKey(join(dir, "issuer.key"));
  });

  test("ME6 a root key that is there already is used, and sealed where a passphrase is given", async () => {
    const path = join(made(rootDir), "fleet-root.key");
    const root = loadOrCreateKey(path);
    const whole = await init({ passphrase: phrase });
    expect(whole.fleet).toBe(encodeBase32(root.publicKey));
    expect(await codeOf(readSecretKey(path))).toBe("passphrase-wrong");
    expect(await readSecretKey(path, phrase)).toEqual(root);
    checkWhole(whole);
    // One that is sealed stays as it is, and takes its own passphrase.
    const text = readFileSync(path, "utf8");
    rmSync(dir, { recursive: true });
    rmSync(join(rootDir, "root-statements.json"));
    expect(await codeOf(init({ passphrase: `${phrase}!` }))).toBe("passphrase-wrong");
    expect(readdirSync(dir)).toEqual(["node.key"]);
    expect((await init({ passphrase: phrase })).fleet).toBe(whole.fleet);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("ME1 an open fleet is closed by its own root key, which is moved away", async () => {
    const fleet = makeOpenFleet(made(dir));
    const whole = await init({ passphrase: phrase });
    expect(whole).toMatchObject({ status: "created", fleet });
    checkWhole(whole);
    expect((await readSecretKey(join(rootDir, "fleet-root.key"), phrase)).publicKey).toHaveLength(
      32,
    );
  });

  test("ME1 ME6 the same folder under two names keeps the root's key", async () => {
    const fleet = makeOpenFleet(made(dir));
    symlinkSync(dir, rootDir);
    expect((await init()).fleet).toBe(fleet);
    expect(secretKeyId(join(dir, "fleet-root.key"))).toBe(fleet);
    expect(readdirSync(dir).toSorted()).toEqual([...dataFiles, ...rootFiles].toSorted());
    expect(await init()).toMatchObject({ status: "present", fleet });
  });

  test("ME1 without the root key of the fleet that a directory is in nothing is made", async () => {
    writeFleetPin(made(dir), "a".repeat(52));
    expect(await codeOf(init())).toBe("fleet-mismatch");
    expect(readdirSync(rootDir)).toEqual([]);
    expect(readdirSync(dir).toSorted()).toEqual(["fleet.json", "node.key"]);
  });

  test("ME2 a root that has made its authority makes no second one", async () => {
    await init();
    const before = readFileSync(join(rootDir, "root-statements.json"), "utf8");
    expect(await codeOf(init({ dir: join(base, "other") }))).toBe("fleet-mismatch");
    expect(readdirSync(join(base, "other"))).toEqual(["node.key"]);
    expect(readFileSync(join(rootDir, "root-statements.json"), "utf8")).toBe(before);
  });

  test("ME6 no key of somebody else is overwritten, removed or taken for the fleet's", async () => {
    const fleet = makeOpenFleet(made(dir));
    const other = join(rootDir, "fleet-root.key");
    loadOrCreateKey(join(made(rootDir), "fleet-root.key"));
    const text = readFileSync(other, "utf8");
    expect(await codeOf(init())).toBe("data-dir-unusable");
    expect(readFileSync(other, "utf8")).toBe(text);
    expect(secretKeyId(join(dir, "fleet-root.key"))).toBe(fleet);
    // Without a pin the key beside the root's files is the root's; the other one stays where it is.
    rmSync(join(dir, "fleet.json"));
    expect((await init()).fleet).toBe(secretKeyId(other));
    expect(secretKeyId(join(dir, "fleet-root.key"))).toBe(fleet);
  });

  test("ME6 P6 FILE_STATEMENTS_MAX statements are read from a file, and a damaged one is an error", () => {
    const path = join(made(dir), "authority.json");
    const full = Array.from({ length: FILE_STATEMENTS_MAX }, () => "a.b.c");
    expect(readStatements(path)).toBeUndefined();
    writeFileSync(path, writeStatements(full));
    expect(readStatements(path)).toEqual(full);
    const long = writeStatements(["x".repeat(28 * 1_024 + 1)]);
    for (const text of [
      "",
      "null",
      "{}",
      '{"statements":[7]}',
      writeStatements([...full, "a"]),
      long,
    ]) {
      writeFileSync(path, text);
      expect(() => readStatements(path)).toThrow(fails("data-dir-unusable"));
    }
  });
});

test("ME6 two nodes whose fleets are begun in one folder of a root at once do not mix their keys", async () => {
  const codes = await Promise.all([codeOf(init()), codeOf(init({ dir: join(base, "other") }))]);
  expect(codes.toSorted()).toEqual(["none", "store-locked"]);
  expect(readdirSync(rootDir).toSorted()).toEqual(rootFiles);
  expect(secretKeyId(join(rootDir, "fleet-root.key"))).toBe((await init()).fleet);
});
