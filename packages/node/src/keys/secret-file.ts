/**
 * A key in a file, sealed with a passphrase or not (rule ME6). What is not sealed has the form of `node.key`; what is sealed is one line of JSON: the key's
 * id for people, how the passphrase is stretched (scrypt), and the seed under AES-256-GCM. Everything outside the box is authenticated with it.
 *
 * `sum` tells a damaged file from a wrong passphrase, which a box alone cannot. It protects nothing: whoever can write the file can write a sum.
 */
import {
  createCipheriv,
  createDecipheriv,
  hash,
  randomBytes,
  scrypt,
  type ScryptOptions,
} from "node:crypto";
import { statSync } from "node:fs";
import {
  isKeyId,
  type KeyId,
  PASSPHRASE_LENGTH_MAX,
  PASSPHRASE_LENGTH_MIN,
  PulsemeshError,
} from "@pulsemesh/core";
import { encodeBase32 } from "./base32.ts";
import { PUBLIC_KEY_BYTES, SEED_BYTES } from "./ed25519.ts";
import { type Ed25519Key, keyFromSeed, parseKey, writeKeyText } from "./key-file.ts";
import { readFileIfAny, writePrivateFile } from "./private-file.ts";

/** What new boxes are sealed with, and the least that is opened: 128 MiB and half a second for each guess. */
export const SCRYPT_N: number = 131_072;
/** The most that is opened: a file must not take a gigabyte of memory. */
export const SCRYPT_N_MAX: number = 524_288;

const VERSION = 1;
const SCRYPT_R = 8;
const SCRYPT_P = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SUM_LENGTH = 16;
const CIPHER = "aes-256-gcm";
const OTHERS_BITS = 0o077;

/** The line without its box, which is sealed together with it. */
interface Envelope {
  readonly v: number;
  readonly key: KeyId;
  readonly kdf: "scrypt";
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly nonce: string;
}

interface SealedLine extends Envelope {
  readonly box: string;
  readonly sum: string;
}

/**
 * Reads a key, sealed or not.
 * @param passphrase - not used where the key is not sealed
 * @throws PulsemeshError `passphrase-wrong`; `data-dir-unusable` when there is no key in the file or it is damaged; `data-dir-open` when others on this
 * machine may read a key that is not sealed
 */
export async function readSecretKey(path: string, passphrase?: string): Promise<Ed25519Key> {
  const text = readText(path);
  if (!isSealed(text)) refuseOpen(path);
  return openKeyText(text, passphrase, path);
}

/** The id of the key in a file, which no passphrase hides; undefined when there is no file. */
export function secretKeyId(path: string): KeyId | undefined {
  const text = orUnusable(path, () => readFileIfAny(path));
  return text === undefined ? undefined : keyIdOfText(text, path);
}

/**
 * The same of the text of a file.
 * @param path - to be named where something is wrong
 */
export function keyIdOfText(text: string, path: string): KeyId {
  return orUnusable(path, () =>
    isSealed(text) ? parseLine(text).key : encodeBase32(parseKey(text).publicKey),
  );
}

/**
 * Writes a key, sealed where a passphrase is given. The same key under another passphrase is replaced; another key never is.
 * @throws PulsemeshError `data-dir-unusable`, `option-invalid` for a passphrase that is too short or long
 */
export async function writeSecretKey(
  path: string,
  key: Ed25519Key,
  passphrase?: string,
): Promise<void> {
  const held = secretKeyId(path);
  if (held !== undefined && held !== encodeBase32(key.publicKey)) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot write the key to ${path}: another key, ${held}, is there. Nothing was changed; name another file.`,
    );
  }
  const text = await writeSecretText(key, passphrase);
  orUnusable(path, () => writePrivateFile(path, text));
}

/**
 * Copies a key from one file to another, as to take it away, to bring it back, or to change its passphrase where both are the same file.
 * @returns the key's id
 */
export async function copySecretKey(
  from: string,
  to: string,
  phrases: { readonly from?: string | undefined; readonly to?: string | undefined },
): Promise<KeyId> {
  const key = await readSecretKey(from, phrases.from);
  await writeSecretKey(to, key, phrases.to);
  return encodeBase32(key.publicKey);
}

/** What a file with that key holds. */
export async function writeSecretText(key: Ed25519Key, passphrase?: string): Promise<string> {
  if (passphrase === undefined) return writeKeyText(key);
  checkLength(passphrase);
  const envelope: Envelope = {
    v: VERSION,
    key: encodeBase32(key.publicKey),
    kdf: "scrypt",
    n: SCRYPT_N,
    r: SCRYPT_R,
    p: SCRYPT_P,
    salt: randomBytes(SALT_BYTES).toString("base64url"),
    nonce: randomBytes(NONCE_BYTES).toString("base64url"),
  };
  const cipher = createCipheriv(
    CIPHER,
    await stretch(passphrase, envelope),
    Buffer.from(envelope.nonce, "base64url"),
  );
  cipher.setAAD(Buffer.from(JSON.stringify(envelope)));
  const sealed = [cipher.update(key.seed), cipher.final(), cipher.getAuthTag()];
  const line = { ...envelope, box: Buffer.concat(sealed).toString("base64url") };
  return `${JSON.stringify({ ...line, sum: sumOf(line) })}\n`;
}

/**
 * The key in the text of a file.
 * @param path - to be named where something is wrong
 * @throws PulsemeshError `passphrase-wrong`, `data-dir-unusable`
 */
export async function openKeyText(
  text: string,
  passphrase: string | undefined,
  path: string,
): Promise<Ed25519Key> {
  if (!isSealed(text)) return orUnusable(path, () => parseKey(text));
  const line = orUnusable(path, () => parseLine(text));
  if (passphrase === undefined)
    throw wrongPassphrase(path, "it is sealed with a passphrase, and none is given");
  const seed = openBox(line, await stretch(passphrase, line));
  if (seed === undefined) throw wrongPassphrase(path, "it is sealed with another passphrase");
  const key = keyFromSeed(seed);
  if (encodeBase32(key.publicKey) === line.key) return key;
  return orUnusable(path, () => {
    throw new Error("it holds another key than it says");
  });
}

function openBox(
  { box, sum: _sum, ...envelope }: SealedLine,
  secret: Buffer,
): Uint8Array | undefined {
  const bytes = Buffer.from(box, "base64url");
  const nonce = Buffer.from(envelope.nonce, "base64url");
  const decipher = createDecipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(JSON.stringify(envelope)));
  decipher.setAuthTag(bytes.subarray(SEED_BYTES));
  try {
    const seed = [decipher.update(bytes.subarray(0, SEED_BYTES)), decipher.final()];
    return new Uint8Array(Buffer.concat(seed));
  } catch {
    return undefined;
  }
}

/** The form is strict, and so is its order: the line is what was sealed. */
function parseLine(text: string): SealedLine {
  const { v, key, kdf, n, r, p, salt, nonce, box, sum } = JSON.parse(text) as Partial<SealedLine>;
  const isKnown = v === VERSION && kdf === "scrypt" && r === SCRYPT_R && p === SCRYPT_P;
  if (!isKnown) throw new Error("another release has sealed it");
  if (n === undefined || !isPowerOfTwo(n) || n < SCRYPT_N || n > SCRYPT_N_MAX)
    throw new Error(`its scrypt N is not in ${SCRYPT_N} … ${SCRYPT_N_MAX}`);
  if (!isKeyId(key) || typeof sum !== "string") throw new Error("it is damaged");
  const bytes = [
    [salt, SALT_BYTES],
    [nonce, NONCE_BYTES],
    [box, SEED_BYTES + TAG_BYTES],
  ] as const;
  if (!bytes.every(([part, length]) => isBase64(part, length))) throw new Error("it is damaged");
  const line = { v, key, kdf, n, r, p, salt, nonce, box } as Omit<SealedLine, "sum">;
  const isWhole = sumOf(line) === sum && JSON.stringify({ ...line, sum }) === text.trim();
  if (!isWhole) throw new Error("it is damaged");
  return { ...line, sum };
}

function sumOf(line: Omit<SealedLine, "sum">): string {
  return hash("sha256", JSON.stringify(line), "hex").slice(0, SUM_LENGTH);
}

/** The same letters are the same passphrase, whichever keyboard composed them. */
async function stretch(passphrase: string, { n, r, p, salt }: Envelope): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  // What scrypt takes, and some more for its bookkeeping.
  const options: ScryptOptions = { N: n, r, p, maxmem: 128 * n * r + 1024 * 1024 };
  scrypt(
    passphrase.normalize("NFC"),
    Buffer.from(salt, "base64url"),
    PUBLIC_KEY_BYTES,
    options,
    (error, secret) => {
      if (error === null) resolve(secret);
      else reject(error);
    },
  );
  return promise;
}

function checkLength({ length }: string): void {
  if (length >= PASSPHRASE_LENGTH_MIN && length <= PASSPHRASE_LENGTH_MAX) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot seal a key with a passphrase of ${length} characters: it has ${PASSPHRASE_LENGTH_MIN} to ${PASSPHRASE_LENGTH_MAX}. Nothing was changed.`,
  );
}

export function isSealed(text: string): boolean {
  return text.trimStart().startsWith("{");
}

function isBase64(value: string | undefined, length: number): boolean {
  if (typeof value !== "string") return false;
  const bytes = Buffer.from(value, "base64url");
  return bytes.length === length && bytes.toString("base64url") === value;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(Math.log2(value));
}

function readText(path: string): string {
  return orUnusable(path, () => {
    const text = readFileIfAny(path);
    if (text === undefined) throw new Error("there is none");
    return text;
  });
}

/** Windows has no such modes. */
function refuseOpen(path: string): void {
  if (process.platform === "win32") return;
  const mode = orUnusable(path, () => statSync(path).mode & 0o777);
  if ((mode & OTHERS_BITS) === 0) return;
  throw new PulsemeshError(
    "data-dir-open",
    `Cannot use the key in ${path} as others on this machine may read it (mode ${mode.toString(8).padStart(4, "0")}), and no passphrase seals it. Close it with: chmod go= ${path}`,
  );
}

function wrongPassphrase(path: string, why: string): PulsemeshError {
  return new PulsemeshError(
    "passphrase-wrong",
    `Cannot open the key in ${path}: ${why}. Nothing was changed.`,
  );
}

function orUnusable<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    if (cause instanceof PulsemeshError) throw cause;
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot use the key in ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed; restore the file from a copy.`,
      { cause },
    );
  }
}
