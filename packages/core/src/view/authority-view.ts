/** What a node holds of the fleet's authority, put together for readers (rules ME1–ME3). */
import type { HashHex, KeyId, NodeId } from "../ids.ts";
import type { GrantClaims, Issuer, Role } from "../authority/claims.ts";

/** `honoured`: its grant is over, and counts as long as nobody can renew it. */
export type GrantStanding = "granted" | "early" | "expired" | "honoured" | "revoked";

export interface GrantView {
  /** Of the statement. */
  readonly id: HashHex;
  readonly node: NodeId;
  readonly standing: GrantStanding;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  readonly region: string;
  readonly issuer: KeyId;
  readonly notBeforeWallMs: number;
  readonly expWallMs: number;
  /** All of it, for who renews it. */
  readonly claims: GrantClaims;
}

export interface RevocationView {
  /** Of the statement. */
  readonly id: HashHex;
  readonly node: NodeId;
  readonly reason: string;
  readonly by: KeyId;
  readonly atWallMs: number;
}

export interface AuthorityView {
  /** Whether only who was granted something is a member. */
  readonly isClosed: boolean;
  readonly root:
    | {
        readonly id: HashHex;
        readonly number: number;
        readonly key: KeyId;
        readonly charterKey: KeyId;
        readonly issuers: readonly Issuer[];
        readonly voids: readonly KeyId[];
      }
    | undefined;
  /** Numbers of which there is another root statement: somebody else has the root's key. */
  readonly disputedRoots: readonly number[];
  readonly charter:
    | {
        readonly id: HashHex;
        readonly number: number;
        readonly atWallMs: number;
        /** The root statement that it is under. */
        readonly root: HashHex;
        /** Revocations that it commits to. */
        readonly revocations: number;
      }
    | undefined;
  readonly isStale: boolean;
  /** The date of the newest root statement, charter or revocation; undefined where there is none. */
  readonly newsWallMs: number | undefined;
  /** One a node, its newest, sorted by node. */
  readonly grants: readonly GrantView[];
  /** Sorted by node. */
  readonly revocations: readonly RevocationView[];
  /** Names of all revocations, sorted: what a charter commits to. */
  readonly revocationIds: readonly HashHex[];
  /** Tokens that a newcomer needs before all others: root statements from the first on, then the charter. */
  readonly enrolment: readonly string[];
}
