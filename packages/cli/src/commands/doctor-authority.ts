/** The checks of `doctor` of the fleet's authority (rules ME1–ME3): what of it ends soon, and whether somebody else has the root's key. */
import type { AuthorityJson, PeersJson, PulsemeshClient } from "@pulsemesh/client";
import { endingIssuers, unrenewedGrants } from "../config/authority-ends.ts";
import type { Finding } from "./doctor-finding.ts";

const dayMs = 86_400_000;
const namesMost = 10;

/** Nothing of an open fleet. */
export async function checkAuthority(
  client: PulsemeshClient,
  nowWallMs: number,
): Promise<Finding[]> {
  try {
    const authority = await client.authority();
    if (!authority.closed) return [];
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

function alarmFindings({ root, stale, news_at: newsAt }: AuthorityJson): Finding[] {
  const disputed = root?.disputed ?? [];
  return [
    ...(disputed.length === 0
      ? []
      : [
          {
            check: "root",
            result: "warn",
            detail: `somebody else signs with a key of the root: there is another number ${disputed.join(", ")}`,
            next: "if the root was not rotated since: pulsemesh key rotate root --stolen --root DIR",
          } as const,
        ]),
    ...(stale
      ? [
          {
            check: "authority",
            result: "warn",
            detail: `nothing was heard of it since ${newsAt ?? "ever"}: nobody new is let in`,
            next: "see that the node with the issuer's key runs and is reached",
          } as const,
        ]
      : []),
  ];
}
