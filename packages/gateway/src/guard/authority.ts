/**
 * Whom a request is meant for (RFC 9112 §3.2, §3.3). A guard that looks at `Host` is only as good as the certainty that there is
 * one `Host` and that it counts: so there must be exactly one, and a target in absolute form overrules it.
 */
import type { IncomingMessage } from "node:http";

type Head = Pick<IncomingMessage, "url" | "headers" | "rawHeaders" | "httpVersion">;

/** What is wrong with the `Host` of a request; undefined when nothing is. Probes that speak HTTP/1.0 may send none. */
export function hostFault({ rawHeaders, headers, httpVersion }: Head): string | undefined {
  if (headers.host === undefined) {
    return httpVersion === "1.0" ? undefined : "An HTTP/1.1 request has a Host header.";
  }
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  return count > 1 ? "A request has one Host header." : undefined;
}

/** Host and port as the caller wrote them; undefined when it named none. */
export function authorityOf({ url = "/", headers }: Head): string | undefined {
  if (url.startsWith("/")) return headers.host;
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1] ?? headers.host;
}
