/**
 * Certificate and key for HTTPS. They are read and checked before anything starts, and again at each reload, where what is bad leaves the old
 * in place.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { createSecureContext } from "node:tls";
import { PulsemeshError } from "@pulsemesh/core";
import type { GatewayTls } from "@pulsemesh/gateway";
import { readSecret, readText } from "./token-file.ts";

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
