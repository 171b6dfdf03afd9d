/** `pulsemesh doctor`: what is wrong with the node on this machine or its surroundings, and what to do about each. */
import type { DiagnosticsJson, PulsemeshClient } from "@pulsemesh/client";
import type { Command } from "commander";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cli, setAction } from "../cli.ts";
import { type ClientFlags, clientFlags, connect, urlOf } from "../client-flags.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { failureText } from "../failure.ts";
import { type HostPort, parseHostPort } from "../host-port.ts";
import { checkAuthority } from "./doctor-authority.ts";
import { clockFindings } from "./doctor-clocks.ts";
import { checkConfig } from "./doctor-config.ts";
import type { Finding } from "./doctor-finding.ts";
import { checkHolder } from "./doctor-folder.ts";
import { rootFindings } from "./doctor-root.ts";
import { checkMembership } from "./doctor-membership.ts";
import { linkFindings } from "./doctor-links.ts";
import { checkClock, checkNode, checkPeers } from "./doctor-mesh.ts";
import { checkDataFolder, checkDisk, checkNodeVersion } from "./doctor-machine.ts";
import { paceFindings, resourceFindings, settingsFinding, versionFinding } from "./doctor-node.ts";
import { checkPorts } from "./doctor-ports.ts";
import { checkServed } from "./doctor-served.ts";
import { checkAudit, checkStore } from "./doctor-store.ts";
import { writtenFindings } from "./doctor-written.ts";
import { parseMultiaddr } from "./address-flags.ts";
import { dataFolder } from "./run-options.ts";
import { printable, printableJson } from "../printable.ts";

interface DoctorFlags extends ClientFlags {
  readonly json?: boolean;
  readonly config?: string;
  readonly data?: string | undefined;
  readonly listen?: readonly string[] | undefined;
}

const listenDefault = "/ip4/127.0.0.1/tcp/7421";
const shapes: Readonly<Record<Finding["result"], string>> = { ok: "✔", warn: "!", fail: "✘" };
const styles: Readonly<Record<Finding["result"], string>> = { ok: "32", warn: "33", fail: "31" };

/** Adds `doctor` to the program. */
export function addDoctorCommand(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .description(
      "check node, clocks, reachability, ports, versions, disk, store and files; each line ok, warn or fail with what to do",
    );
  addFlags(command, [
    ...clientFlags,
    {
      flags: "--config <file>",
      text: "the node's config file: it is checked, and says where data, HTTP and mesh ports are",
      env: "PULSEMESH_CONFIG",
    },
    { flags: "--data <dir>", text: "the node's data folder", env: "PULSEMESH_DATA" },
    {
      flags: "--listen <multiaddr>",
      text: "where the node is to listen, to see whether it could while none runs (repeatable)",
      env: "PULSEMESH_LISTEN",
      repeat: true,
      parse: parseMultiaddr,
    },
    { flags: "--json", text: "as JSON" },
  ]);
  setAction<DoctorFlags>(cli, command, async (given) => {
    const {
      findings: ofConfig,
      data,
      listen,
      url: urlThere,
    } = await checkConfig(given.config, cli.terminal.env);
    const flags = {
      ...given,
      data: given.data ?? data,
      listen: given.listen ?? listen,
      url: given.url ?? urlThere,
    };
    const client = connect(cli, flags);
    const url = urlOf(flags);
    const node = await checkNode(client, url);
    const [{ result: state } = { result: "fail" }] = node;
    const findings = [
      checkNodeVersion(process.versions.node),
      ...ofConfig,
      ...node,
      ...(state === "ok" ? await checkRunning(cli, flags, client) : []),
      ...(state === "ok" ? [] : await checkStopped(cli, flags, state === "fail")),
    ];
    show(cli, flags, findings);
    return findings.some(({ result }) => result === "fail") ? EXIT.no : EXIT.ok;
  });
}

/** What the node that answers knows of itself and its fleet. */
async function checkRunning(
  cli: Cli,
  flags: DoctorFlags,
  client: PulsemeshClient,
): Promise<Finding[]> {
  const url = urlOf(flags);
  const clock = await checkClock(url);
  const { found, findings } = await checkDiagnostics(client, url);
  // A node elsewhere has its folder elsewhere.
  const own = isHere(url) ? found?.settings.data_dir : undefined;
  const folder = flags.data ?? own ?? dataFolder(undefined, cli.terminal.env);
  const membership = await checkMembership(client, found, mayIssue(url, found));
  // Of a node that nobody lets in everything else follows, and none of it is the network's fault.
  const isOut = membership.some(({ result }) => result === "fail");
  return [
    ...(clock === undefined ? [] : [clock]),
    ...membership,
    ...(isOut ? [] : await checkPeers(client)),
    ...findings,
    ...(await checkServed(client, Date.now())),
    ...(await checkAuthority(client, Date.now())),
    ...(await checkStore(client)),
    ...(await checkAudit(client)),
    ...(isHere(url) || flags.data !== undefined ? await checkFolder(folder) : []),
  ];
}

/** Also where that cannot be seen: the first node of a fleet has nobody to be let in by. */
function mayIssue(url: string, found: DiagnosticsJson | undefined): boolean {
  if (found === undefined || !isHere(url)) return true;
  return isIssuerHere(url, found) || !existsSync(join(found.settings.data_dir, "node.key"));
}

/** As far as can be seen: of a node elsewhere the folder is elsewhere. */
function isIssuerHere(url: string, found: DiagnosticsJson | undefined): boolean {
  if (found === undefined || !isHere(url)) return false;
  return existsSync(join(found.settings.data_dir, "issuer.key"));
}

async function checkDiagnostics(
  client: PulsemeshClient,
  url: string,
): Promise<{ readonly found: DiagnosticsJson | undefined; readonly findings: Finding[] }> {
  try {
    const found = await client.diagnostics();
    // After it, since members that were tried may have changed by now.
    const peers = await client.peers();
    const findings = [
      settingsFinding(found),
      ...clockFindings(peers, isIssuerHere(url, found)),
      ...linkFindings(found, peers),
      versionFinding(found, peers),
      ...paceFindings(found, peers),
      ...resourceFindings(found),
      ...writtenFindings(peers),
    ];
    return { found, findings };
  } catch (error) {
    const detail = `no diagnostics: ${failureText(error)}`;
    const next = "give it more time with --timeout 30s, or upgrade the node";
    return { found: undefined, findings: [{ check: "node", result: "warn", detail, next }] };
  }
}

async function checkFolder(folder: string): Promise<Finding[]> {
  return [...(await checkDataFolder(folder)), ...(await rootFindings(folder))];
}

/** What can be said where no node answers, or none that is ready: whose folder it is, and whether one could start. */
async function checkStopped(cli: Cli, flags: DoctorFlags, couldStart: boolean): Promise<Finding[]> {
  const folder = dataFolder(flags.data, cli.terminal.env);
  const listen = flags.listen ?? [listenDefault];
  return [
    ...(couldStart ? await checkPorts(httpPortOf(urlOf(flags)), listen) : []),
    ...(await checkFolder(folder)),
    ...(await checkHolder(folder)),
    ...(await checkDisk(folder)),
  ];
}

/** Where the node that was asked would serve HTTP, if that is this machine. */
function httpPortOf(url: string): HostPort | undefined {
  if (!isHere(url) || !url.startsWith("http:")) return undefined;
  const { hostname, port } = new URL(url);
  return parseHostPort(`${hostname}:${port === "" ? "80" : port}`, "--url");
}

function isHere(url: string): boolean {
  if (!URL.canParse(url) || url.startsWith("unix:")) return true;
  return /^(127\.|\[::1\]$|localhost$)/.test(new URL(url).hostname);
}

function show({ terminal }: Cli, flags: DoctorFlags, findings: readonly Finding[]): void {
  if (flags.json === true) {
    terminal.out(printableJson({ findings }));
    return;
  }
  for (const { check, result, detail, next } of findings) {
    const word = `${shapes[result]} ${result.padEnd(4)}`;
    const painted = terminal.color ? `\u001B[${styles[result]}m${word}\u001B[0m` : word;
    terminal.out(`${painted}  ${check.padEnd(12)} ${printable(detail)}`);
    if (next !== undefined) terminal.out(`         Next: ${printable(next)}`);
  }
}
