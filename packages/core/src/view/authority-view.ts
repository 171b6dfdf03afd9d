/** What a node holds of the fleet's authority, put together for readers (rules ME1–ME3). */
import type { HashHex, KeyId, NodeId } from "../ids.ts";
import type { GrantClaims, Issuer, Role } from "../authority/claims.ts";

/** `honoured`: its grant is over, and counts as long as nobody can renew it. */
export type GrantStanding = "granted" | "early" | "expired" | "honoured" | "revoked";

export interface GrantView {
  /** Of the statement. */
  readonly id: HashHex;
  readonly node: NodeId;
  /** As it was last known; undefined where it was never heard of. */
  readonly name?: string | undefined;
  readonly standing: GrantStanding;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  readonly region: string;
  readonly issuer: KeyId;
  readonly notBeforeWallMs: number;
  readonly expWallMs: number;
  /** All of it, for who renews it. */
  readonly claims: GrantClaims;
  /** The node said goodbye, or was retired, and has not come back since: nobody renews it. */
  readonly hasLeft: boolean;
}

export interface SupersededGrant {
  /** Of the statement. */
  readonly id: HashHex;
  readonly node: NodeId;
  readonly roles: readonly Role[];
  readonly issuer: KeyId;
  readonly issuedWallMs: number;
  readonly expWallMs: number;
}

export interface RevocationView {
  /** Of the statement. */
  readonly id: HashHex;
  readonly node: NodeId;
  /** As it was last known; undefined where it was never heard of. */
  readonly name?: string | undefined;
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
        /** By the clock of who signed it. */
        readonly atWallMs: number;
        readonly key: KeyId;
        readonly charterKey: KeyId;
        readonly issuers: readonly Issuer[];
        readonly voids: readonly KeyId[];
      }
    | undefined;
  /** Numbers of which there is another root statement: somebody else has the root's key. */
  readonly disputedRoots: readonly number[];
  /** Those of them by the key that stands: he has it still. */
  readonly unansweredRoots: readonly number[];
  readonly charter:
    | {
        readonly id: HashHex;
        readonly number: number;
        readonly atWallMs: number;
        /** The root statement that it is under. */
        readonly root: HashHex;
        /** Revocations that it commits to. */
        readonly revocations: number;
        /** `idsHash` of those. */
        readonly revocationsHash: HashHex;
        /** There is another one with its number: somebody else has the key that signs them. */
        readonly isDisputed: boolean;
      }
    | undefined;
  readonly isStale: boolean;
  /** As of when it is known who was revoked: by the newest charter of which all was here, else the newest root statement; undefined where there is none. */
  readonly newsWallMs: number | undefined;
  /** One a node, its newest, sorted by node. */
  readonly grants: readonly GrantView[];
  /** Grants that newer ones of the same issuer have taken the place of, sorted by node, the newest first: a thief of its key may have made those. */
  readonly superseded: readonly SupersededGrant[];
  /** Sorted by node. */
  readonly revocations: readonly RevocationView[];
  /** Bytes of their tokens; there is room for `REVOCATIONS_BYTES_MAX`. */
  readonly revocationsBytes: number;
  /** Names of all revocations, sorted: what a charter commits to. */
  readonly revocationIds: readonly HashHex[];
  /** Tokens that a newcomer needs before all others: root statements from the first on, then the charter. */
  readonly enrolment: readonly string[];
  /** Whether two members, or the only other one, said since the start that they hold the same; before, this node may be behind all others. */
  readonly isCompared: boolean;
  /** Statements on disk that could not be read at the start, or counted no more; sync brings again what is missing. */
  readonly badRows: number;
  /** Parts of what stands for revoked members that have not come yet: of the documents that they belong to nothing is shown. */
  readonly missingParts: number;
}
