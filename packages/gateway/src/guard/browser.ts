/**
 * Keeps web pages away from a node. The API on loopback has no password, and a browser on the same machine can reach it for any
 * page that its user opens: by a form post, by `<img src="http://127.0.0.1:7420/ping/bot">` (which would keep a dead robot
 * alive), or, once the page's own name resolves to 127.0.0.1 (DNS rebinding), as if it were the same origin. What a page
 * cannot forge is what is looked at: `Host`, `Origin` and `Sec-Fetch-Site`.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "./loopback.ts";

/** Whether a loopback-bound node serves a request with this `Host`; old HTTP/1.0 probes send none, browsers always do. */
export function isLocalHost(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = /^(\[[^\]]*\]|[^:[\]]*)(?::\d{1,5})?$/.exec(host)?.[1];
  return name !== undefined && name !== "" && isLoopback(name.replace(/^\[(.*)\]$/, "$1"));
}

/**
 * Whether a browser sent this for a page of another site. Such requests are refused whatever they ask for (nothing here is
 * meant for other sites), except that a link may lead to a page that only reads.
 */
export function isCrossSite(
  headers: IncomingHttpHeaders,
  host: string | undefined,
  writes: boolean,
): boolean {
  const { origin } = headers;
  if (origin !== undefined && !isOwnOrigin(origin, host)) return true;
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return false;
  return writes || headers["sec-fetch-mode"] !== "navigate";
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const own = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
  return own !== undefined && host !== undefined && own.toLowerCase() === host.toLowerCase();
}
