/** The flags of every command that asks a node, and the client that they make. */
import { PulsemeshError } from "@pulsemesh/core";
import { type PulsemeshClient, createClient } from "@pulsemesh/client";
import type { Cli } from "./cli.ts";
import { readText, readTokenFile } from "./config/token-file.ts";
import { type Flag, durationBetween } from "./flags.ts";
import { parseSocketUrl, socketFetch, socketPathOf } from "./socket-fetch.ts";

export interface ClientFlags {
  readonly url?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
}

const urlDefault = "http://127.0.0.1:7420";
/** Names no host: the socket is the address. */
const urlOnSocket = "http://localhost";
const timeoutMsDefault = 10_000;
const dayMs = 86_400_000;

/** `--url`, `--timeout`, and what a node with certificate and token asks for. */
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
  {
    flags: "--token-file <file>",
    text: "the node's token, where it asks for one",
    env: "PULSEMESH_TOKEN_FILE",
  },
  {
    flags: "--ca-file <file>",
    text: "trust this certificate (PEM) as well, where the node serves HTTPS",
    env: "PULSEMESH_CA_FILE",
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
  const { tokenFile, caFile } = flags;
  if (caFile !== undefined) trust(caFile);
  const token =
    tokenFile === undefined
      ? undefined
      : readTokenFile(tokenFile, "--token-file", { mayBePipe: true });
  if (token !== undefined && isInTheClear(url)) {
    cli.terminal.say(
      `The token goes to ${url} in the clear: whoever is on the way can read it. Next: use https.`,
    );
  }
  return createClient({ ...doorOf(url), shownUrl: url, timeoutMs, token });
}

/** For every connection of this process, as `fetch` takes no certificates of its own. */
function trust(caFile: string): void {
  const ca = readText(caFile, "--ca-file", "tls-invalid", { mayBePipe: true });
  // Loaded by who needs it: most commands speak plain HTTP to their own machine.
  const tls = process.getBuiltinModule("node:tls");
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), ca]);
  } catch (cause) {
    throw new PulsemeshError(
      "tls-invalid",
      `Cannot use --ca-file '${caFile}' as it is no certificate in PEM.`,
      { cause },
    );
  }
}

function isInTheClear(url: string): boolean {
  return (
    url.startsWith("http:") && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname)
  );
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
  if (/^https?:\/\/[^\s/]+/.test(text) && URL.canParse(text)) {
    const { username, password } = new URL(text);
    if (username === "" && password === "") return text.replace(/\/+$/, "");
    // No node takes them and no fetch sends them; and addresses stand in messages and in the spool.
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} with a name or a password in the address: nodes take a token, by --token-file.`,
    );
  }
  const meant =
    !text.includes("://") && URL.canParse(`http://${text}`) ? ` Did you mean http://${text}?` : "";
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as it must be a URL such as ${urlDefault}.${meant}`,
  );
}
