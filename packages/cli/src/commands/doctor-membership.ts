/** The check of `doctor` that says whether this node is a member to others (rules ME1, ME3, CLI43): it itself may be the last to hear that it is not. */
import type { AuthorityJson, DiagnosticsJson, PeersJson, PulsemeshClient } from "@pulsemesh/client";
import { formatAge } from "../duration.ts";
import type { Finding } from "./doctor-finding.ts";

const check = "membership";
const namesMost = 5;
const anew = "stop it, and start a new node in its place: an empty --data folder, and an invite";
const clocks = "look at the clocks of both: `timedatectl set-ntp true`, or chrony";

/** What helps, by the reason that others say. */
const nextByReason: Readonly<Record<string, string>> = {
  revoked: `if its key was revoked, as \`pulsemesh grant list\` at another member tells: ${anew}`,
  "grant-none":
    "it has no grant there: pulsemesh join INVITE --data DIR, with an invite of that fleet",
  "grant-expired": `its grant has ended: see that the issuer's node runs, or pulsemesh join INVITE --data DIR; ${clocks}`,
  "grant-early": clocks,
  "grant-unknown":
    "one of the two lacks news of the fleet's authority: name the issuer's node with --join; where all that it knew are gone, pulsemesh grant list --json > fleet.json at a member, and pulsemesh key publish fleet.json at the one with the older root statement",
  "authority-stale":
    "that member has not heard of the fleet's authority for a day, and lets in nobody new: see that the issuer's node runs, that others reach it, and that its clock is right; where all that it knew are gone, or were away as long, pulsemesh grant list --json > fleet.json at another member, and pulsemesh key publish fleet.json at that one",
};

export interface MembershipFacts {
  readonly authority: AuthorityJson;
  readonly peers: PeersJson;
  readonly refusedBy: NonNullable<DiagnosticsJson["refused_by"]>;
  /** Whether the issuer's key is in its folder, as far as can be seen. */
  readonly isIssuer: boolean;
}

/** The same, of a node that answers; nothing where it does not tell. */
export async function checkMembership(
  client: PulsemeshClient,
  found: DiagnosticsJson | undefined,
  isIssuer: boolean,
): Promise<Finding[]> {
  try {
    const [authority, peers] = [await client.authority(), await client.peers()];
    const refusedBy = found?.refused_by ?? [];
    return membershipFindings({ authority, peers, refusedBy, isIssuer });
  } catch {
    // Whatever is wrong with the node was found by another check.
    return [];
  }
}

/** Nothing of an open fleet, and nothing where all is well. */
export function membershipFindings(facts: MembershipFacts): Finding[] {
  const { authority, peers, refusedBy, isIssuer } = facts;
  if (!authority.closed) return [];
  const { self } = peers;
  const revoked = authority.revoked.find(({ id }) => id === self.id);
  if (revoked !== undefined) return [revokedFinding(revoked)];
  const isMet = peers.peers.some(({ status }) => status === "up");
  if (refusedBy.length > 0) return [refusedFinding(facts, isMet)];
  const knowsOthers = authority.grants.some(({ id }) => id !== self.id) || peers.peers.length > 0;
  if (isIssuer || knowsOthers || authority.root === null) return [];
  return [unmetFinding(authority.fleet)];
}

function revokedFinding({ at, reason }: AuthorityJson["revoked"][number]): Finding {
  const why = reason === "" ? "" : ` (${reason})`;
  return {
    check,
    result: "fail",
    detail: `revoked: the key of this node was revoked at ${at}${why}; no member lets it in, and nothing that it writes counts`,
    next: `${anew}; its robots beat there`,
  };
}

function refusedFinding({ peers, refusedBy }: MembershipFacts, isMet: boolean): Finding {
  const names = new Map(peers.peers.map(({ id, name }) => [id, name]));
  const shown = refusedBy.slice(-namesMost);
  const words = shown.map(
    ({ node, reason, age_ms: ageMs }) =>
      `${names.get(node) ?? node} says ${reason}, ${formatAge(ageMs)} ago`,
  );
  const more =
    refusedBy.length > shown.length ? `, and ${refusedBy.length - shown.length} more` : "";
  const reason = shown.at(-1)?.reason ?? "";
  return {
    check,
    result: isMet ? "warn" : "fail",
    detail: `${isMet ? "not every" : "no"} member lets this node in: ${words.join("; ")}${more}`,
    next: nextByReason[reason] ?? "see the log of that node",
  };
}

function unmetFinding(fleet: string): Finding {
  return {
    check,
    result: "fail",
    detail: `this node is a member of fleet ${fleet.slice(0, 12)}…, and let in by nobody yet: it has met no other member`,
    next: "see that the issuer's node runs and can be reached, and name it with --join ADDRESS; in a private network, that --network-key-file is the same on both",
  };
}
