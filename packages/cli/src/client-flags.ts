/** The flags of every command that asks a node, and the client that they make. */
import { PulsemeshError } from "@pulsemesh/core";
import { type PulsemeshClient, createClient } from "@pulsemesh/client";
import type { Cli } from "./cli.ts";
import { type Flag, durationBetween } from "./flags.ts";
import { parseSocketUrl, socketFetch, socketPathOf } from "./socket-fetch.ts";

export interface ClientFlags {
  readonly url?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

const urlDefault = "http://127.0.0.1:7420";
/** Names no host: the socket is the address. */
const urlOnSocket = "http://localhost";
const timeoutMsDefault = 10_000;
const dayMs = 86_400_000;

/** `--url` and `--timeout`. */
export const clientFlags: readonly Flag[] = [
  {
    flags: "--url <url>",
    text: `the node to ask, or unix:/PATH of its socket (default ${urlDefault})`,
    env: "PULSEMESH_URL",
    parse: parseUrl,
  },
  {
    flags: "--timeout <duration>",
    text: "how long an answer may take (default 10s)",
    env: "PULSEMESH_TIMEOUT",
    parse: durationBetween(1, dayMs),
  },
];

/** The address that the flags name. */
export function urlOf({ url }: ClientFlags): string {
  return url ?? urlDefault;
}

/** A client of the node that the flags name; error messages will name it too. */
export function connect(cli: Cli, flags: ClientFlags): PulsemeshClient {
  const url = urlOf(flags);
  cli.context = { ...cli.context, url };
  const timeoutMs = flags.timeout ?? timeoutMsDefault;
  return createClient({ ...doorOf(url), shownUrl: url, timeoutMs });
}

/** How to reach what a URL names: an HTTP address, and the fetch that gets there. */
export function doorOf(url: string): { readonly baseUrl: string; readonly fetch: typeof fetch } {
  const path = socketPathOf(url);
  if (path !== undefined) return { baseUrl: urlOnSocket, fetch: socketFetch(path) };
  return { baseUrl: url, fetch: (input, init) => globalThis.fetch(input, init) };
}

/** Reads a URL; `localhost:7420` is meant as `http://localhost:7420`. */
function parseUrl(text: string, flag: string): string {
  const socket = parseSocketUrl(text, flag);
  if (socket !== undefined) return socket;
  if (/^https?:\/\/[^\s/]+/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
  const meant =
    !text.includes("://") && URL.canParse(`http://${text}`) ? ` Did you mean http://${text}?` : "";
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be a URL such as ${urlDefault}.${meant}`,
  );
}
