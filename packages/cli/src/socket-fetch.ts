/**
 * `fetch` over a Unix socket, for `--url unix:/run/pulsemesh/node.sock`. The client stays what it is, a caller of fetch that also runs in
 * browsers; Node's own fetch cannot be told a socket, so undici's is loaded, and only by who names one.
 */
import { PulsemeshError } from "@pulsemesh/core";

/** What a URL of a socket begins with. */
const scheme = "unix:";
/** Keeps a quiet event stream (a comment every 15 s) from being taken for a dead one. */
const noLimitMs = 0;

/** The path in `unix:/run/node.sock` (or `unix:///run/node.sock`); undefined for every other URL. */
export function socketPathOf(url: string): string | undefined {
  return url.startsWith(scheme) ? url.slice(scheme.length).replace(/^\/{2,}/, "/") : undefined;
}

/**
 * Reads a URL of a socket.
 * @returns its one spelling, or undefined when `text` is none
 * @throws PulsemeshError `option-invalid` for a relative path
 */
export function parseSocketUrl(text: string, flag: string): string | undefined {
  const path = socketPathOf(text);
  if (path === undefined) return undefined;
  if (path.startsWith("/") && path.length > 1 && !path.includes("\0")) return scheme + path;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as the path of a socket must be absolute, such as unix:/run/pulsemesh/node.sock.`,
  );
}

/** A fetch whose every request goes to the socket at `path`, whatever host its URL names. */
export function socketFetch(path: string): typeof fetch {
  let loading: Promise<typeof fetch> | undefined;
  return async (input, init) => {
    loading ??= loadFetch(path);
    return (await loading)(input, init);
  };
}

async function loadFetch(socketPath: string): Promise<typeof fetch> {
  const { Agent, fetch: fetchBy } = await import("undici");
  const dispatcher = new Agent({
    connect: { socketPath },
    bodyTimeout: noLimitMs,
    headersTimeout: noLimitMs,
  });
  // The two are one specification with two sets of type names.
  const send = fetchBy as unknown as (
    input: Parameters<typeof fetch>[0],
    init: Omit<RequestInit, "dispatcher"> & { readonly dispatcher: unknown },
  ) => Promise<Response>;
  return (input, init) => send(input, { ...init, dispatcher });
}
