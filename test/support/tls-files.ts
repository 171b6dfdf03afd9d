/** Certificates for tests, valid until 2126, and calls by HTTPS that can say which one they met. */
import { copyFileSync, chmodSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("tls/", import.meta.url));

export type CertificateName = "first" | "second";

/** Certificate and key as text. */
export function pemOf(name: CertificateName): { readonly cert: string; readonly key: string } {
  const read = (ending: string): string => readFileSync(`${folder}${name}.${ending}`, "utf8");
  return { cert: read("crt"), key: read("key") };
}

/** Copies the pair to `PATH.crt` and `PATH.key`, the key as private as it must be; a clone has no such modes. */
export function copyPair(
  name: CertificateName,
  path: string,
): { readonly certFile: string; readonly keyFile: string } {
  const certFile = `${path}.crt`;
  const keyFile = `${path}.key`;
  copyFileSync(`${folder}${name}.crt`, certFile);
  copyFileSync(`${folder}${name}.key`, keyFile);
  chmodSync(keyFile, 0o600);
  return { certFile, keyFile };
}

export interface SecureAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  /** The common name of the certificate that was met. */
  readonly name: string | undefined;
}

/** One request on a connection of its own; the certificate is trusted whoever signed it. */
export function askSecurely(
  url: string,
  options: { readonly method?: string; readonly token?: string } = {},
): Promise<SecureAnswer> {
  const { method = "GET", token } = options;
  const { promise, resolve, reject } = Promise.withResolvers<SecureAnswer>();
  const headers = {
    connection: "close",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const outgoing = request(
    url,
    { method, headers, rejectUnauthorized: false, agent: false, timeout: 10_000 },
    (incoming) => {
      const name = (incoming.socket as TLSSocket).getPeerCertificate().subject.CN;
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const common = typeof name === "string" ? name : undefined;
        resolve({
          status: incoming.statusCode ?? 0,
          text,
          headers: incoming.headers,
          name: common,
        });
      });
    },
  );
  outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer from ${url}`)));
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}
