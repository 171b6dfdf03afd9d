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
import { codeOf } from "./code-of.test-support.ts";
import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN } from "@pulsemesh/core";
import { damage, fuzz, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { afterAll, assert, beforeAll, expect, test } from "vitest";
import { encodeBase32 } from "./base32.ts";
import { generateSeed } from "./ed25519.ts";
import { keyFromSeed, loadOrCreateKey } from "./key-file.ts";
import {
  copySecretKey,
  keyIdOfText,
  readSecretKey,
  SCRYPT_N,
  SCRYPT_N_MAX,
  secretKeyId,
  writeSecretKey,
  writeSecretText,
} from "./secret-file.ts";

const key = keyFromSeed(generateSeed());
const id = encodeBase32(key.publicKey);
const phrase = "correct horse battery stapel ä";

let dir: string;
let sealed: string;
const file = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-secret-"));
  await writeSecretKey(file("sealed"), key, phrase);
  sealed = readFileSync(file("sealed"), "utf8");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function put(name: string, text: string): string {
  writeFileSync(file(name), text, { mode: 0o600 });
  return file(name);
}

test("ME6 a sealed key is one line of JSON in which no byte of the seed stands, readable by its owner alone", async () => {
  expect(JSON.parse(sealed)).toEqual({
    v: 1,
    key: id,
    kdf: "scrypt",
    n: SCRYPT_N,
    r: 8,
    p: 1,
    salt: expect.stringMatching(/^[\w-]{22}$/),
    nonce: expect.stringMatching(/^[\w-]{16}$/),
    box: expect.stringMatching(/^[\w-]{64}$/),
    sum: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  expect(sealed.split("\n")).toHaveLength(2);
  for (const form of ["hex", "base64", "base64url"] as const)
    expect(sealed).not.toContain(Buffer.from(key.seed).toString(form).slice(0, 12));
  expect(SCRYPT_N).toBeGreaterThanOrEqual(2 ** 17);
  expect(statSync(file("sealed")).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir).filter((name) => name.startsWith("sealed"))).toEqual(["sealed"]);
  expect(await readSecretKey(file("sealed"), phrase)).toEqual(key);
  // Another salt, so another line, each time.
  expect(await writeSecretText(key, phrase)).not.toBe(sealed);
});

test("ME6 a wrong or missing passphrase is said as such, and the same letters composed otherwise are the same", async () => {
  expect(await codeOf(readSecretKey(file("sealed")))).toBe("passphrase-wrong");
  expect(await codeOf(readSecretKey(file("sealed"), `${phrase} `))).toBe("passphrase-wrong");
  expect(await readSecretKey(file("sealed"), phrase.normalize("NFD"))).toEqual(key);
  expect(secretKeyId(file("sealed"))).toBe(id);
  expect(readFileSync(file("sealed"), "utf8")).toBe(sealed);
});

test("ME6 a damaged file is no wrong passphrase, and is never replaced", async () => {
  const line = JSON.parse(sealed) as Record<string, unknown>;
  const withField = (changed: object): string => JSON.stringify({ ...line, ...changed });
  const flipped = `${String(line["box"]).startsWith("A") ? "B" : "A"}${String(line["box"]).slice(1)}`;
  const damaged = [
    "",
    "{",
    "{}",
    "null",
    "garbage",
    sealed.slice(0, -10),
    sealed.replace(",", ", "),
    withField({ box: flipped }),
    withField({ box: String(line["box"]).slice(2) }),
    withField({ salt: "" }),
    withField({ nonce: 7 }),
    withField({ key: id.replace(/^./, id.startsWith("a") ? "b" : "a") }),
    withField({ sum: undefined }),
    withField({ v: 2 }),
    withField({ kdf: "none" }),
    withField({ more: 1 }),
  ];
  for (const text of damaged) {
    const path = put("damaged", text);
    expect(await codeOf(readSecretKey(path, phrase))).toBe("data-dir-unusable");
    expect(await codeOf(writeSecretKey(path, key))).toBe("data-dir-unusable");
    expect(readFileSync(path, "utf8")).toBe(text);
  }
  expect(await codeOf(readSecretKey(file("none"), phrase))).toBe("data-dir-unusable");
  expect(secretKeyId(file("none"))).toBeUndefined();
});

/** A line that somebody has changed and given a sum that fits, as a thief may. */
async function resummed(changed: object): Promise<string> {
  const { hash } = await import("node:crypto");
  const { sum: _sum, ...line } = { ...(JSON.parse(sealed) as object), ...changed } as {
    readonly sum?: string;
  };
  const sum = hash("sha256", JSON.stringify(line), "hex").slice(0, 16);
  return JSON.stringify({ ...line, sum });
}

test("ME6 P6 scrypt N from SCRYPT_N to SCRYPT_N_MAX is tried, and everything beside the box is sealed with it", async () => {
  for (const n of [SCRYPT_N / 2, SCRYPT_N + 1, SCRYPT_N_MAX * 2, 0, -1, 2 ** 40, "x"]) {
    const path = put("cost", await resummed({ n }));
    expect(await codeOf(readSecretKey(path, phrase))).toBe("data-dir-unusable");
  }
  for (const changed of [{ r: 1_024 }, { p: 64 }, { kdf: "none" }, { v: 2 }]) {
    const path = put("cost", await resummed(changed));
    await expect(readSecretKey(path, phrase)).rejects.toThrow("another release");
  }
  const other = encodeBase32(keyFromSeed(generateSeed()).publicKey);
  for (const changed of [{ key: other }, { n: SCRYPT_N * 2 }]) {
    const path = put("cost", await resummed(changed));
    expect(await codeOf(readSecretKey(path, phrase))).toBe("passphrase-wrong");
  }
});

test("ME6 P6 PASSPHRASE_LENGTH_MIN to PASSPHRASE_LENGTH_MAX characters seal a key", async () => {
  for (const length of [0, PASSPHRASE_LENGTH_MIN - 1, PASSPHRASE_LENGTH_MAX + 1])
    expect(await codeOf(writeSecretKey(file("short"), key, "x".repeat(length)))).toBe(
      "option-invalid",
    );
  expect(secretKeyId(file("short"))).toBeUndefined();
  const long = "x".repeat(PASSPHRASE_LENGTH_MAX);
  await writeSecretKey(file("long"), key, long);
  expect(await readSecretKey(file("long"), long)).toEqual(key);
});

test("ME6 a key is taken away, brought back and sealed anew, and no other key is ever overwritten", async () => {
  const plain = loadOrCreateKey(file("issuer.key"));
  const away = file("issuer.away");
  const issuer = encodeBase32(plain.publicKey);
  expect(await copySecretKey(file("issuer.key"), away, { to: phrase })).toBe(issuer);
  expect(await codeOf(copySecretKey(away, file("back"), {}))).toBe("passphrase-wrong");
  expect(await copySecretKey(away, file("back"), { from: phrase })).toBe(issuer);
  expect(readFileSync(file("back"), "utf8")).toBe(readFileSync(file("issuer.key"), "utf8"));
  await copySecretKey(away, away, { from: phrase, to: `${phrase}!` });
  expect(await codeOf(readSecretKey(away, phrase))).toBe("passphrase-wrong");
  expect(await readSecretKey(away, `${phrase}!`)).toEqual(plain);
  const before = readFileSync(away, "utf8");
  expect(await codeOf(writeSecretKey(away, key))).toBe("data-dir-unusable");
  expect(readFileSync(away, "utf8")).toBe(before);
});

test("ME6 a key that others may read is refused with what to type, unless a passphrase seals it", async () => {
  if (process.platform === "win32") return;
  for (const mode of [0o640, 0o604]) {
    await writeSecretKey(file("open"), key);
    chmodSync(file("open"), mode);
    expect(await codeOf(readSecretKey(file("open")))).toBe("data-dir-open");
    await expect(readSecretKey(file("open"))).rejects.toThrow(`chmod go= ${file("open")}`);
  }
  chmodSync(file("sealed"), 0o644);
  expect(await readSecretKey(file("sealed"), phrase)).toEqual(key);
});

test(
  "ME6 fuzz: a changed line is damaged, whatever passphrase one has",
  () => {
    const bytes = Buffer.from(sealed);
    fuzz("sealed keys", (random) => {
      const text = Buffer.from(damage(random, bytes)).toString();
      if (text.trim() === sealed.trim()) return;
      let held: unknown;
      try {
        held = keyIdOfText(text, "a file");
      } catch (error) {
        assert((error as { readonly code?: unknown }).code === "data-dir-unusable", String(error));
      }
      assert(held === undefined, `took ${text}`);
    });
  },
  FUZZ_TIMEOUT_MS,
);
