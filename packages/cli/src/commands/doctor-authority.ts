/** The checks of `doctor` of the fleet's authority (rules ME1–ME3): what of it ends soon, and whether somebody else has the root's key. */
import { GRANT_LIFE_S_MAX, GRANTS_MAX, REVOCATIONS_MAX } from "@pulsemesh/core";
import type { AuthorityJson, PeersJson, PulsemeshClient } from "@pulsemesh/client";
import { datedAhead, endingIssuers, unrenewedGrants } from "../config/authority-ends.ts";
import { formatAge } from "../duration.ts";
import type { Finding } from "./doctor-finding.ts";

const dayMs = 86_400_000;
const namesMost = 10;
/** An issuer signs a charter every six hours; who misses two has no issuer, and hears nothing of who was revoked. */
const charterLateMs = 13 * 3_600_000;
/** Share of a bound from which on it is said. */
export const nearlyFull: number = 0.8;

const bareFinding: Finding = {
  check: "authority",
  result: "fail",
  detail:
    "this node holds nothing of its fleet's authority: it knows nobody, and lets nobody in but members that it was told to join by",
  next: "start it with --join ADDRESS of a member, or stop it and make it one again: pulsemesh join INVITE --data DIR",
};

/** Nothing of an open fleet. */
export async function checkAuthority(
  client: PulsemeshClient,
  nowWallMs: number,
): Promise<Finding[]> {
  try {
    const authority = await client.authority();
    if (!authority.closed) return [];
    if (authority.root === null) return [bareFinding];
    return authorityFindings(authority, await client.peers(), nowWallMs);
  } catch {
    // Whatever is wrong with the node was found by another check.
    return [];
  }
}

function authorityFindings(
  authority: AuthorityJson,
  peers: PeersJson,
  nowWallMs: number,
): Finding[] {
  const findings = [
    ...issuerFindings(authority, nowWallMs),
    ...grantFindings(authority, peers, nowWallMs),
    ...alarmFindings(authority),
    ...roomFindings(authority, nowWallMs),
    ...newsFindings(authority, nowWallMs),
  ];
  if (findings.length > 0) return findings;
  const { grants, root } = authority;
  const detail = `${grants.length} members, root statement ${root?.number ?? 0}`;
  return [{ check: "authority", result: "ok", detail }];
}

function issuerFindings({ root }: AuthorityJson, nowWallMs: number): Finding[] {
  const issuers = (root?.issuers ?? []).map(({ key, expires }) => ({
    key,
    endsWallMs: Date.parse(expires),
  }));
  const ending = endingIssuers(issuers, nowWallMs);
  return ending.map(({ key, endsWallMs }) => {
    const at = new Date(endsWallMs).toISOString();
    const days = Math.floor((endsWallMs - nowWallMs) / dayMs);
    const hasEnded = endsWallMs <= nowWallMs;
    return {
      check: "issuer",
      result: hasEnded ? "fail" : "warn",
      detail: hasEnded
        ? `${key} ended at ${at}: it lets nobody in and renews no grant`
        : `${key} ends in ${days} ${days === 1 ? "day" : "days"}, at ${at}`,
      next: "with the root's keys, on the machine of the issuer's node: pulsemesh key rotate issuer --root DIR --data DIR",
    };
  });
}

function grantFindings(
  { grants }: AuthorityJson,
  { self, peers }: PeersJson,
  nowWallMs: number,
): Finding[] {
  const live = new Set([
    self.id,
    ...peers.filter(({ status }) => status === "up").map(({ id }) => id),
  ]);
  const held = grants.map(({ id, name, standing, not_before: begins, expires }) => ({
    name: name ?? id,
    beginsWallMs: Date.parse(begins),
    endsWallMs: Date.parse(expires),
    isLive: live.has(id) && standing !== "revoked",
  }));
  const late = unrenewedGrants(held, nowWallMs);
  const [first] = late;
  if (first === undefined) return [];
  const names = late.slice(0, namesMost).map(({ name }) => name);
  const more = late.length > names.length ? ` and ${late.length - names.length} more` : "";
  return [
    {
      check: "grants",
      result: "warn",
      detail: `not renewed though their nodes live: ${names.join(", ")}${more}; the first ends at ${new Date(first.endsWallMs).toISOString()}`,
      next: "see that the node with the issuer's key runs, is reached, and says in its log that it renews: pulsemesh key show --data DIR   there",
    },
  ];
}

/** Grants make room for others once nothing that was granted before them can be valid; revocations are for ever. */
function roomFindings({ grants, revoked }: AuthorityJson, nowWallMs: number): Finding[] {
  const held = grants.filter(({ not_before: begins, expires }) => {
    const overWallMs = Date.parse(begins) + GRANT_LIFE_S_MAX * 1_000;
    return Math.max(overWallMs, Date.parse(expires)) > nowWallMs;
  });
  const counts = [
    ["grants", held.length, GRANTS_MAX, "revoke or stop renewing nodes that are gone"],
    ["revocations", revoked.length, REVOCATIONS_MAX, "begin another fleet before they are full"],
  ] as const;
  return counts
    .filter(([, count, max]) => count >= max * nearlyFull)
    .map(([check, count, max, next]) => ({
      check,
      result: "warn",
      detail: `${count} of at most ${max}: the next ones will be refused`,
      next,
    }));
}

function alarmFindings({ root, charter }: AuthorityJson): Finding[] {
  // A node of an earlier release does not say which of them were answered.
  const disputed = root?.unanswered ?? root?.disputed ?? [];
  const findings: Finding[] = [];
  if (disputed.length > 0)
    findings.push({
      check: "root",
      result: "warn",
      detail: `somebody else signs with a key of the root: there is another number ${disputed.join(", ")}`,
      next: "pulsemesh key rotate root --stolen --root DIR   answers it, and ends this warning, where the root was not rotated since",
    });
  if (charter?.disputed === true)
    findings.push({
      check: "charter",
      result: "warn",
      detail: `there are two charters number ${charter.number}: somebody else has the key of the issuer that signs them, or its node runs twice`,
      next: "if no copy of that node's folder runs: pulsemesh key void KEY --keep members.json --root DIR --data DIR",
    });
  return findings;
}

/** Whether anything new is heard of the authority; what is dated ahead is none, and a root of such a date does no harm where a charter is newer. */
function newsFindings(
  { root, charter, stale, news_at: newsAt }: AuthorityJson,
  nowWallMs: number,
): Finding[] {
  const dated = [
    ...(charter === null ? [] : [{ name: `charter ${charter.number}`, at: charter.at }]),
    ...(root === null || !stale ? [] : [{ name: `root statement ${root.number}`, at: root.at }]),
  ].map(({ name, at }) => ({ name, atWallMs: Date.parse(at) }));
  const ahead = datedAhead(dated, nowWallMs);
  const unheard = `nothing was heard of it since ${newsAt ?? "ever"}: nobody new is let in`;
  if (ahead !== undefined) {
    const clock = `${ahead.name} is dated ${formatAge(ahead.atWallMs - nowWallMs)} ahead of this clock: it was signed by a clock that was ahead, or this one is behind`;
    return [
      {
        check: "authority",
        result: stale ? "fail" : "warn",
        detail: stale ? `${unheard}; ${clock}` : clock,
        next: "set the clocks of this machine and of the issuer's node by NTP (`timedatectl set-ntp true`, or chrony): that node then signs another charter within two minutes",
      },
    ];
  }
  const ageMs = nowWallMs - Date.parse(charter?.at ?? root?.at ?? "");
  const isLate = charter !== null && ageMs > charterLateMs;
  if (!stale && !isLate) return [];
  // Of several nobody here knows which one is gone.
  const [issuer, ...others] = root?.issuers ?? [];
  const key = issuer === undefined || others.length > 0 ? "KEY" : issuer.key;
  const late = `the newest charter was signed ${formatAge(ageMs)} ago, and an issuer signs one every 6h: none is heard`;
  return [
    {
      check: "authority",
      result: "warn",
      detail: stale ? unheard : late,
      next: `see that the node with the issuer's key runs and is reached; where the only one has left or is lost, with the root's keys at another member: pulsemesh key rotate issuer --root DIR --data ITS-FOLDER --replaces ${key}`,
    },
  ];
}
