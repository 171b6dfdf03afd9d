/**
 * Files that `run` reads beside its config file: the bearer token, and certificate and key for HTTPS. They are read and checked before
 * anything starts, and again at each reload, where what is bad leaves the old in place.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import type { GatewayTls } from "@pulsemesh/gateway";

/** Shortest and longest token, in characters. */
export const TOKEN_LENGTH_MIN: number = 16;
export const TOKEN_LENGTH_MAX: number = 1_024;

/** Largest certificate or key file. */
export const TLS_FILE_BYTES_MAX: number = 1024 * 1024;

const worldBits = 0o007;
const tokenText = /^[\w.~+/-]+=*$/;

/**
 * The token in a file: one line, as RFC 6750 allows it in a header.
 * @throws PulsemeshError `token-file-invalid`
 */
export function readTokenFile(path: string, what: string): string {
  const token = readSecret(path, what, "token-file-invalid").trim();
  const fault =
    token.length < TOKEN_LENGTH_MIN || token.length > TOKEN_LENGTH_MAX
      ? `it holds ${token.length} characters, and a token has ${TOKEN_LENGTH_MIN} to ${TOKEN_LENGTH_MAX}`
      : tokenText.test(token)
        ? undefined
        : "a token is one line of letters, digits and -._~+/ with = at its end";
  if (fault === undefined) return token;
  throw new PulsemeshError(
    "token-file-invalid",
    `Cannot use ${what} '${path}' as ${fault}. Make one with: umask 077; head -c 32 /dev/urandom | base64 > ${path}`,
  );
}

/**
 * Certificate and key, which belong together and are valid now.
 * @param nowWallMs - for the dates in the certificate
 * @throws PulsemeshError `tls-invalid`
 */
export function readTlsFiles(
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  nowWallMs: number,
): GatewayTls {
  const cert = readText(certFile, "--tls-cert", "tls-invalid");
  const key = readSecret(keyFile, "--tls-key", "tls-invalid");
  const certificate = attempt(
    `--tls-cert '${certFile}'`,
    "it is no certificate in PEM",
    () =>
      // The first in the file is the server's own.
      new X509Certificate(cert),
  );
  const privateKey = attempt(
    `--tls-key '${keyFile}'`,
    "it is no private key in PEM without password",
    () => createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw tlsInvalid(
      `--tls-key '${keyFile}'`,
      `it is not the key of the certificate in ${certFile}`,
    );
  }
  const { validFrom, validTo } = certificate;
  if (Date.parse(validTo) <= nowWallMs) {
    throw tlsInvalid(`--tls-cert '${certFile}'`, `it expired on ${validTo}; have it renewed`);
  }
  if (Date.parse(validFrom) > nowWallMs) {
    throw tlsInvalid(
      `--tls-cert '${certFile}'`,
      `it is not valid before ${validFrom}; check this machine's clock`,
    );
  }
  attempt(`--tls-cert '${certFile}'`, "a certificate behind the first is damaged", () =>
    createSecureContext({ cert, key }),
  );
  return { cert, key, expiresWallMs: Date.parse(validTo) };
}

function attempt<T>(what: string, fault: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw tlsInvalid(what, fault, cause);
  }
}

function tlsInvalid(what: string, fault: string, cause?: unknown): PulsemeshError {
  return new PulsemeshError("tls-invalid", `Cannot use ${what} as ${fault}.`, { cause });
}

function readSecret(path: string, what: string, code: ErrorCode): string {
  const text = readText(path, what, code);
  if (process.platform === "win32") return text;
  const mode = statSync(path).mode & 0o777;
  if ((mode & worldBits) === 0) return text;
  throw new PulsemeshError(
    code,
    `Cannot use ${what} '${path}' as every user of this machine may read or change it (mode ${mode.toString(8).padStart(4, "0")}). Close it with: chmod o= ${path}`,
  );
}

function readText(path: string, what: string, code: ErrorCode): string {
  try {
    const { size } = statSync(path);
    if (size > TLS_FILE_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError(code, `Cannot read ${what} '${path}': ${why}.`, { cause });
  }
}
