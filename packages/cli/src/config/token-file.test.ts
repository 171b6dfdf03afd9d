import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readTlsFiles } from "./tls-files.ts";
import {
  SECRET_FILE_BYTES_MAX,
  TOKEN_LENGTH_MAX,
  TOKEN_LENGTH_MIN,
  readTokenFile,
} from "./token-file.ts";

const pem = fileURLToPath(new URL("../../../../test/support/tls/", import.meta.url));
const inWallMs = Date.UTC(2026, 11, 24);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-secret-"));
  for (const name of ["first", "second"]) {
    copyFileSync(`${pem}${name}.crt`, file(`${name}.crt`));
    copyFileSync(`${pem}${name}.key`, file(`${name}.key`));
    chmodSync(file(`${name}.key`), 0o600);
  }
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string): string => join(dir, name);

function tokenOf(text: string, mode = 0o600): string {
  writeFileSync(file("token"), text);
  chmodSync(file("token"), mode);
  return readTokenFile(file("token"), "--token-file");
}

test("CFG12 a token is one line, its line feed is not part of it", () => {
  expect(tokenOf("Zm9vYmFyYmF6cXV4eHl6enk=\n")).toBe("Zm9vYmFyYmF6cXV4eHl6enk=");
  for (const bad of [
    "",
    "two words and more of them",
    "first-line-is-good\nsecond",
    "ünicode-ünicode-ü",
  ]) {
    expect(() => tokenOf(bad)).toThrow(expect.objectContaining({ code: "token-file-invalid" }));
  }
  expect(() => readTokenFile(file("none"), "--token-file")).toThrow("ENOENT");
});

test("CFG12 a token has TOKEN_LENGTH_MIN to TOKEN_LENGTH_MAX characters", () => {
  expect(tokenOf("a".repeat(TOKEN_LENGTH_MIN))).toHaveLength(TOKEN_LENGTH_MIN);
  expect(tokenOf("a".repeat(TOKEN_LENGTH_MAX))).toHaveLength(TOKEN_LENGTH_MAX);
  expect(() => tokenOf("a".repeat(TOKEN_LENGTH_MIN - 1))).toThrow("head -c 32 /dev/urandom");
  expect(() => tokenOf("a".repeat(TOKEN_LENGTH_MAX + 1))).toThrow("1025 characters");
});

test("CFG12 a token or key that every user may read is refused with what to type; a group may", () => {
  const token = "Zm9vYmFyYmF6cXV4";
  expect(() => tokenOf(token, 0o644)).toThrow(`chmod o= ${file("token")}`);
  expect(tokenOf(token, 0o640)).toBe(token);
  chmodSync(file("first.key"), 0o604);
  const pair = { certFile: file("first.crt"), keyFile: file("first.key") };
  expect(() => readTlsFiles(pair, inWallMs)).toThrow(`chmod o= ${file("first.key")}`);
});

test("CFG12 a node reads regular files only, as a pipe would stop it; a command may be given its token by one", () => {
  const what = "--token-file";
  execFileSync("mkfifo", ["-m", "600", file("pipe")]);
  // Somebody has it open, so that nothing waits for ever.
  const fd = openSync(file("pipe"), "r+");
  try {
    expect(() => readTokenFile(file("pipe"), what)).toThrow("it is no regular file");
    expect(() => readTokenFile("/dev/zero", what)).toThrow("it is no regular file");
    expect(() => readTokenFile("/dev/zero", what, { mayBePipe: true })).toThrow("no regular file");
    expect(() => readTokenFile(dir, what)).toThrow("it is a folder");
  } finally {
    closeSync(fd);
  }
  const script = `
    import { readTokenFile } from ${JSON.stringify(new URL("token-file.ts", import.meta.url).href)};
    console.log(readTokenFile(process.argv[1], "--token-file", { mayBePipe: true }));`;
  const node = `"${process.execPath}" --input-type=module -e '${script}'`;
  const told = execFileSync("bash", ["-c", `${node} <(echo Zm9vYmFyYmF6cXV4)`]).toString();
  expect(told).toBe("Zm9vYmFyYmF6cXV4\n");
});

test("CFG11 certificate and key are read as they are, with the day on which they expire", () => {
  const pair = { certFile: file("first.crt"), keyFile: file("first.key") };
  expect(readTlsFiles(pair, inWallMs)).toMatchObject({
    cert: expect.stringContaining("BEGIN CERTIFICATE"),
    key: expect.stringContaining("PRIVATE KEY"),
    expiresWallMs: expect.toSatisfy((ms: number) => new Date(ms).getUTCFullYear() === 2126),
  });
});

test("CFG11 a key of another certificate, an expired or early one, and what is none are refused", () => {
  const read = (cert: string, key: string, wallMs = inWallMs): unknown =>
    readTlsFiles({ certFile: file(cert), keyFile: file(key) }, wallMs);
  expect(() => read("first.crt", "second.key")).toThrow("not the key of the certificate");
  expect(() => read("first.crt", "first.key", Date.UTC(2200, 0))).toThrow("expired on");
  expect(() => read("first.crt", "first.key", Date.UTC(2020, 0))).toThrow("not valid before");
  expect(() => read("first.key", "first.key")).toThrow("no certificate in PEM");
  expect(() => read("none.crt", "first.key")).toThrow("ENOENT");
  writeFileSync(file("text.key"), "no key", { mode: 0o600 });
  expect(() => read("first.crt", "text.key")).toThrow("no private key");
});

test("CFG11 a certificate of more than SECRET_FILE_BYTES_MAX bytes is not read", () => {
  writeFileSync(file("big.crt"), "#".repeat(SECRET_FILE_BYTES_MAX + 1));
  const pair = { certFile: file("big.crt"), keyFile: file("first.key") };
  expect(() => readTlsFiles(pair, inWallMs)).toThrow(`${SECRET_FILE_BYTES_MAX + 1} bytes`);
});
