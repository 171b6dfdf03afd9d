/** Looks at the set of statements for readers; everything as of `now`. */
import { compareText, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { AuthorityView, GrantStanding, GrantView } from "../view/authority-view.ts";
import type { Authority, Standing } from "./authority.ts";

/** What the keeper adds to the set. */
interface KeptAuthority extends Pick<AuthorityView, "isCompared" | "badRows"> {
  readonly authority: Authority;
}

/** What the chains add to both. */
interface KeptChains {
  readonly missingParts: number;
  readonly membership: {
    hasLeft(node: NodeId): boolean;
    nameOf(node: NodeId): string | undefined;
  };
}

export function authorityView(
  { authority, isCompared, badRows }: KeptAuthority,
  { missingParts, membership }: KeptChains,
  { wallMs }: Now,
): AuthorityView {
  const { root, charter } = authority;
  const newsWallMs = authority.newsWallMs(wallMs);
  return {
    isClosed: authority.isClosed,
    root: root && {
      id: root.id,
      number: root.claims.number,
      atWallMs: root.claims.issuedS * 1_000,
      key: root.claims.signer,
      charterKey: root.claims.charterKey,
      issuers: root.claims.issuers,
      voids: authority.voidIssuers,
    },
    disputedRoots: authority.disputedRoots,
    unansweredRoots: authority.unansweredRoots,
    charter: charter && {
      id: charter.id,
      number: charter.claims.number,
      atWallMs: charter.claims.issuedS * 1_000,
      root: charter.claims.root,
      revocations: charter.claims.revocations,
      revocationsHash: charter.claims.revocationsHash,
      isDisputed: authority.disputedCharter !== undefined,
    },
    isStale: authority.isStale(wallMs),
    newsWallMs: newsWallMs === 0 ? undefined : newsWallMs,
    grants: grantViews(authority, membership, wallMs),
    superseded: authority.superseded().map(({ id, claims }) => ({
      id,
      node: claims.node,
      roles: claims.roles,
      issuer: claims.signer,
      issuedWallMs: claims.issuedS * 1_000,
      expWallMs: claims.expS * 1_000,
    })),
    revocations: authority.revocations().map(({ id, claims }) => ({
      id,
      node: claims.node,
      name: membership.nameOf(claims.node),
      reason: claims.reason,
      by: claims.signer,
      atWallMs: claims.issuedS * 1_000,
    })),
    revocationsBytes: authority.revocationsBytes,
    revocationIds: authority
      .revocations()
      .map(({ id }) => id)
      .toSorted(compareText),
    enrolment: authority.enrolment(),
    isCompared,
    badRows,
    missingParts,
  };
}

function grantViews(
  authority: Authority,
  membership: KeptChains["membership"],
  wallMs: number,
): readonly GrantView[] {
  return authority
    .grantedNodes()
    .toSorted(compareText)
    .flatMap((node) => {
      const statement = authority.grantStatementOf(node);
      if (statement === undefined) return [];
      const { id, claims: grant } = statement;
      const { roles, robots, region, signer: issuer } = grant;
      return {
        id,
        node,
        name: membership.nameOf(node),
        standing: standingOf(authority.standing(node, wallMs)),
        roles,
        robots,
        region,
        issuer,
        notBeforeWallMs: grant.notBeforeS * 1_000,
        expWallMs: grant.expS * 1_000,
        claims: grant,
        hasLeft: membership.hasLeft(node),
      };
    });
}

function standingOf(standing: Standing): GrantStanding {
  switch (standing.kind) {
    case "granted":
    case "early":
    case "revoked":
      return standing.kind;
    case "expired":
      return standing.isHonoured ? "honoured" : "expired";
    case "open":
    case "none":
      // Grants are held in closed fleets only, each of a node that has one.
      return "expired";
  }
}
