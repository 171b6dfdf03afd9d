/** The check of `doctor` that says whose clock is off (rule CLI41): against the middle of all, so that it need not be the others'. */
import type { PeersJson } from "@pulsemesh/client";
import { formatAge } from "../duration.ts";
import type { Finding } from "./doctor-finding.ts";

const offMsMost = 1_000;
/** What a node writes that is further ahead than this stays out of everybody's view (rule CH4). */
const hiddenMs = 86_400_000;
const setIt = "set it by NTP (`timedatectl set-ntp true`, or chrony)";
const why =
  "silence is measured without it, but cron robots, the times of beats and the audit log go by it";

/** The stamps of the answering node against its clock, and the clocks of it and its peers against each other, as far as they are known. */
export function clockFindings(peers: PeersJson, isIssuer: boolean = false): Finding[] {
  return [...stampFindings(peers, isIssuer), ...offsetFindings(peers)];
}

const nextOfMember =
  "if that is too long to wait: a new node in its place. Retire its robots here, `pulsemesh leave`, and start it on an empty data directory with --join; if issuer.key is in the old one, move that file over, or the fleet has lost its issuer";
/** What it signs as an issuer has a date of its own, and counts. */
const nextOfIssuer =
  "keep its folder, which has the issuer's key: invites, grants and revocations count all the same. If its robots cannot wait: `pulsemesh invite`, `pulsemesh join INVITE --data NEW`, stop this node, move issuer.key from its folder to NEW, and run NEW in its place";

/** Stamps never fall back behind what was written (rule OFF1), so a clock that is right now need not help. */
function stampFindings({ self }: PeersJson, isIssuer: boolean): Finding[] {
  const aheadMs = self.writes_ahead_ms ?? 0;
  if (aheadMs <= hiddenMs) return [];
  return [
    {
      check: "clock",
      result: "fail",
      detail: `${self.name} wrote while its clock was ${formatAge(aheadMs)} ahead, and stamps go on from there; what it writes is shown to nobody until then`,
      next: isIssuer ? nextOfIssuer : nextOfMember,
    },
  ];
}

function offsetFindings({ self, peers }: PeersJson): Finding[] {
  const known = peers.flatMap(({ name, clock_offset_ms: offsetMs }) =>
    typeof offsetMs === "number" ? [{ name, offsetMs }] : [],
  );
  if (known.length === 0) return [];
  const [only] = known;
  if (known.length === 1 && only !== undefined) return [pairFinding(self.name, only)];
  const middleMs = medianOf([0, ...known.map(({ offsetMs }) => offsetMs)]);
  const off = [{ name: self.name, offsetMs: 0 }, ...known]
    .map(({ name, offsetMs }) => ({ name, offMs: offsetMs - middleMs }))
    .filter(({ offMs }) => Math.abs(offMs) > offMsMost);
  if (off.length > 0) return off.map(({ name, offMs }) => offFinding(name, offMs));
  const spreadMs = Math.max(...known.map(({ offsetMs }) => Math.abs(offsetMs - middleMs)));
  const detail = `${known.length + 1} nodes within ${Math.round(spreadMs)}ms of their middle`;
  return [{ check: "clock", result: "ok", detail }];
}

function offFinding(name: string, offMs: number): Finding {
  const direction = offMs > 0 ? "ahead of" : "behind";
  const isHidden = offMs > hiddenMs;
  const hidden = isHidden ? "; what it writes is shown to nobody until then" : "";
  return {
    check: "clock",
    result: isHidden ? "fail" : "warn",
    detail: `the clock of ${name} is ${formatAge(Math.abs(offMs))} ${direction} the others'${hidden}`,
    next: `${setIt} on ${name}: ${why}`,
  };
}

function pairFinding(
  self: string,
  { name, offsetMs }: { name: string; offsetMs: number },
): Finding {
  const sizeMs = Math.abs(offsetMs);
  if (sizeMs <= offMsMost) {
    return { check: "clock", result: "ok", detail: `${self} and ${name} within ${sizeMs}ms` };
  }
  const direction = offsetMs > 0 ? "ahead of" : "behind";
  return {
    check: "clock",
    result: "warn",
    detail: `the clock of ${name} is ${formatAge(sizeMs)} ${direction} that of ${self}; two nodes cannot tell which of them is off`,
    next: `look at both, and ${setIt}: ${why}`,
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}
