/** The checks of `doctor` that read what a running node says of itself and its fleet (rule CLI43). Pure. */
import type { DiagnosticsJson, PeersJson } from "@pulsemesh/client";
import { formatAge, formatDuration } from "../duration.ts";
import { diskFinding, writeFinding } from "./doctor-machine.ts";
import type { Finding } from "./doctor-finding.ts";

const filesShareMost = 0.8;
const lagMsMost = 200;
const megabyte = 1_000_000;

/** How it was started. */
export function settingsFinding(found: DiagnosticsJson): Finding {
  const { settings, pid, up_ms: upMs, node_version: nodeVersion } = found;
  const { listen, announce, join, mdns, observer, pulse_every_ms: everyMs } = settings;
  const words = [
    `data ${settings.data_dir}`,
    `listen ${listen.join(" ")}`,
    ...(announce.length > 0 ? [`announce ${announce.join(" ")}`] : []),
    ...(join.length > 0 ? [`join ${join.join(" ")}`] : []),
    ...(mdns ? ["mdns"] : []),
    ...(observer ? ["observer"] : []),
    `a pulse every ${formatDuration(everyMs)}`,
  ];
  const detail = `pid ${pid}, up ${formatAge(upMs)}, Node ${nodeVersion}: ${words.join(", ")}`;
  return { check: "settings", result: "ok", detail };
}

/** Whether all run the same version. */
export function versionFinding({ agent }: DiagnosticsJson, { self, peers }: PeersJson): Finding {
  const all = [{ name: self.name, agent }, ...peers.filter(({ status }) => status !== "left")];
  // Release 0.1.0 does not say what its peers run.
  const byAgent = Map.groupBy(all, (node) => node.agent ?? "a version that is not known here");
  const check = "versions";
  if (byAgent.size === 1) {
    return { check, result: "ok", detail: `${agent} on ${all.length} of ${all.length}` };
  }
  const detail = [...byAgent].map(([one, nodes]) => `${one} on ${namesOf(nodes)}`).join("; ");
  const next =
    "finish the upgrade: members of two versions work together, but not for ever (UPGRADING.md)";
  return { check, result: "warn", detail, next };
}

/** Whether all pulse at the same pace. */
export function paceFindings({ settings }: DiagnosticsJson, { self, peers }: PeersJson): Finding[] {
  const known = peers.flatMap(({ name, status, pulse_every_ms: everyMs }) =>
    typeof everyMs !== "number" || status === "left" ? [] : [{ name, everyMs }],
  );
  const all = [{ name: self.name, everyMs: settings.pulse_every_ms }, ...known];
  const byPace = Map.groupBy(all, ({ everyMs }) => everyMs);
  if (byPace.size === 1) return [];
  const paces = [...byPace].toSorted(([a], [b]) => a - b);
  const detail = paces.map(([ms, nodes]) => `${formatDuration(ms)} on ${namesOf(nodes)}`);
  return [
    {
      check: "paces",
      result: "warn",
      detail: `pulses every ${detail.join("; ")}: a death is told after 3.2 intervals of whoever died`,
      next: "that works; for one detection time everywhere run all with the same --profile",
    },
  ];
}

/** What the machine gives the node: room, files, time, time zones. */
export function resourceFindings(found: DiagnosticsJson): Finding[] {
  const { disk, settings, open_files: files, loop_lag_ms: lagMs } = found;
  const used = `${Math.ceil(disk.used_bytes / megabyte)} MB used by the node`;
  return [
    ...(disk.free_bytes === null ? [] : [diskFinding(disk.free_bytes, settings.data_dir, used)]),
    ...(disk.write_fault === null ? [] : [writeFinding(disk.write_fault, settings.data_dir)]),
    ...(files === null ? [] : [filesFinding(files)]),
    lagFinding(lagMs),
    ...found.unknown_time_zones.map(zoneFinding),
  ];
}

function filesFinding({ count, max }: { readonly count: number; readonly max: number }): Finding {
  const detail = `${count} open of ${max} allowed`;
  if (count <= max * filesShareMost) return { check: "files", result: "ok", detail };
  const next =
    "raise the limit (`ulimit -n`, LimitNOFILE= of the service): connections and the store need them";
  return { check: "files", result: "warn", detail, next };
}

function lagFinding(lagMs: number): Finding {
  const detail = `the node's event loop is ${Math.round(lagMs)}ms late at worst (p99)`;
  if (lagMs <= lagMsMost) return { check: "lag", result: "ok", detail };
  const next =
    "give it more CPU, or run less beside it: a node that stalls for an interval doubts itself and judges nobody";
  return { check: "lag", result: "warn", detail, next };
}

function zoneFinding(zone: string): Finding {
  return {
    check: "time-zone",
    result: "warn",
    detail: `this machine does not know the time zone '${zone}' of a cron robot`,
    next: "use a name of the IANA list such as Europe/Berlin, or a Node with full ICU data",
  };
}

function namesOf(nodes: readonly { readonly name: string }[]): string {
  return nodes.map(({ name }) => name).join(", ");
}
