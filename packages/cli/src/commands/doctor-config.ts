/** The check of `doctor` that reads a config file (rule CLI43): is it good, and where does it say that the node is? */
import type { ConfigFile } from "../config/load-config.ts";
import { formatHostPort, type HostPort } from "../host-port.ts";
import type { Finding } from "./doctor-finding.ts";
import { runFlags } from "./run-options.ts";

const findingsMost = 20;

/** What a config file says of the node that it is for; nothing where it says nothing, or is bad. */
export interface ConfiguredNode {
  readonly findings: readonly Finding[];
  readonly data?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly url?: string | undefined;
}

/** Reads and judges the file; undefined `file` finds nothing. */
export async function checkConfig(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ConfiguredNode> {
  if (file === undefined) return { findings: [] };
  // Few commands read a config file, and the parser takes its time to load.
  const { loadConfig } = await import("../config/load-config.ts");
  const loaded = await loadConfig(file, { settings: runFlags, env });
  const check = "config";
  if (!loaded.ok) {
    const findings = loaded.findings.slice(0, findingsMost).map(({ at, what, next }) => {
      const place = at === undefined ? "" : `:${at.line}:${at.column}`;
      return { check, result: "fail" as const, detail: `${loaded.path}${place}: ${what}`, next };
    });
    return { findings };
  }
  const { config } = loaded;
  const detail = `${config.path} is good, ${config.values.size} values`;
  return { findings: [{ check, result: "ok", detail }], ...placeIn(config) };
}

function placeIn({ values }: ConfigFile): Omit<ConfiguredNode, "findings"> {
  const value = <T>(key: string): T | undefined => values.get(key)?.value as T | undefined;
  const http = value<HostPort>("http.listen");
  const scheme = values.has("http.tls.cert_file") ? "https" : "http";
  return {
    data: value<string>("node.data"),
    listen: value<readonly string[]>("mesh.listen"),
    url: http === undefined ? undefined : `${scheme}://${formatHostPort(http)}`,
  };
}
