/**
 * Whoever holds an issuer's key (rules ME1, ME3, ME7): grants, renews, revokes, signs the charter, and lets nodes enrol by invite. It signs and hands out;
 * that a statement becomes known is the business of the node that it is handed to.
 *
 * What it is asked for is checked against its own bounds, as the root stated them, before it is signed: nobody would honour what is beyond.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  allowsPatterns,
  CLOCK_LEEWAY_MS,
  type Cut,
  dagCborCodec,
  type FleetId,
  type GrantClaims,
  type HashHex,
  idsHash,
  type Issuer as IssuerBounds,
  type NodeId,
  type Now,
  NUMBER_MAX,
  PulsemeshError,
  type Role,
  type StatementId,
} from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import type { Ed25519Key } from "../keys/key-file.ts";
import { writePrivateFile } from "../keys/private-file.ts";
import { sha256 } from "../ports/sha256.ts";
import { EnrolRate } from "./enrol-rate.ts";
import { type GrantRequest, readRequest } from "./grant-request.ts";
import { readInvite, SECRET_BYTES, secretHash, writeInvite } from "./invite.ts";
import {
  createInviteLedger,
  INVITE_USES_MAX,
  type InviteLedger,
  type OpenInvite,
} from "./invite-ledger.ts";
import { signToken } from "./sign-token.ts";

/** How long a grant lasts where nothing is said, in ms. */
export const GRANT_LIFE_MS: number = 14 * 86_400_000;
/** How long after its end a grant may still be renewed, in ms (rule ME3). */
export const RENEWAL_MS_MAX: number = 180 * 86_400_000;
/** How often the charter is signed anew though nothing has changed, in ms: the news from which `authority stale` is told. */
export const CHARTER_EVERY_MS: number = 6 * 3_600_000;
/** Longest time for which an invite is open, in ms. */
export const INVITE_TTL_MS_MAX: number = 7 * 86_400_000;

const INVITES_FILE = "invites.json";

/** 2026-01-01: a clock that shows an earlier time is wrong. */
const CLOCK_MS_LEAST = 1_767_225_600_000;

/** What the issuer has to know of who is a member; the fleet's authority as this node holds it. */
export interface Members {
  /** The newest grant of a node that counts, expired or not. */
  grantOf(node: NodeId): GrantClaims | undefined;
  isRevoked(node: NodeId): boolean;
}

export interface IssuerOptions {
  /** The data directory; its `invites.json` holds what is open. */
  readonly dir: string;
  readonly fleet: FleetId;
  /** The node by which strangers enrol. */
  readonly self: NodeId;
  readonly key: Ed25519Key;
  /** The node is in a private network, as its invites say. @default false */
  readonly isPrivate?: boolean | undefined;
  /** Up to what it may grant, as the root statement says; read at each use, as a later one may say something else. */
  readonly bounds: Pick<IssuerBounds, "expS" | "roles" | "robots">;
  readonly members: Members;
  /** Both clocks, read together (rule SG3). */
  readonly now: () => Now;
  /** Replaces a file durably, or throws and leaves it; for tests. @default the private-file way */
  readonly write?: ((path: string, content: string) => void) | undefined;
}

type Asked = Pick<GrantRequest, "node" | "auditKey" | "cosignKey" | "region">;

/** What is granted. */
export interface GrantTerms {
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  /** @default the region that the node says */
  readonly region?: string | undefined;
  /** In ms, at most 31 days; one of another life than 14 days is not renewed. @default 14 days */
  readonly lifeMs?: number | undefined;
}

export interface InviteOptions {
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  /** @default the region that the node says */
  readonly region?: string | undefined;
  /** Where this node listens, as multiaddrs. */
  readonly addresses: readonly string[];
  /** In ms, at most 7 days. */
  readonly ttlMs: number;
  /** Nodes that it makes members. @default 1 */
  readonly uses?: number | undefined;
}

/** What a charter says. */
export interface CharterFacts {
  /** The root statement that stands. */
  readonly root: StatementId;
  /** All revocations that are held, in any order. */
  readonly revocations: readonly StatementId[];
  /** The charter that is held; undefined where there is none. */
  readonly previous: { readonly id: StatementId; readonly number: number } | undefined;
}

/**
 * An issuer at work.
 *
 * @example
 * const issuer = createIssuer({ dir, fleet, self, key, bounds, members, now });
 * const invite = issuer.invite({ roles: ["robot"], robots: ["zap-*"], addresses, ttlMs: 3_600_000 });
 * const grant = await issuer.redeem(invite, request, peer);
 */
export function createIssuer(options: IssuerOptions): Issuer {
  return new Issuer(options);
}

export class Issuer {
  readonly #options: IssuerOptions;
  readonly #signer: string;
  readonly #ledger: InviteLedger;
  readonly #rate = new EnrolRate();

  constructor(options: IssuerOptions) {
    this.#options = options;
    this.#signer = encodeBase32(options.key.publicKey);
    const write = options.write ?? writePrivateFile;
    this.#ledger = createInviteLedger(join(options.dir, INVITES_FILE), write);
  }

  /** Invites that have not ended. */
  get invites(): readonly OpenInvite[] {
    return this.#ledger.open(this.#nowS());
  }

  /**
   * A grant for who has signed the request.
   * @param request - as `writeRequest` makes it
   * @throws PulsemeshError `request-malformed`, `fleet-foreign`, `key-revoked`, `grant-beyond`, `statement-malformed`
   */
  async grant(request: string, terms: GrantTerms): Promise<string> {
    return this.#grant(this.#readRequest(request), terms);
  }

  /**
   * The same for a stranger who asks by himself: `peer` must be who has signed the request.
   * @throws PulsemeshError `enrol-rate`, `request-malformed`, and as {@link Issuer.grant}
   */
  async grantTo(peer: NodeId, request: string, terms: GrantTerms): Promise<string> {
    this.#checkRate(peer);
    return this.#grant(this.#readRequestOf(peer, request), terms);
  }

  /**
   * Closes an invite before its end.
   * @throws PulsemeshError `invite-unknown`, `data-dir-unusable`
   */
  withdraw(id: HashHex): void {
    this.#ledger.withdraw(id, this.#nowS());
  }

  /**
   * Closes all invites that are open, as {@link Issuer.withdraw} does one.
   * @throws PulsemeshError `data-dir-unusable`
   */
  withdrawAll(): void {
    this.#ledger.clear();
  }

  /**
   * The same grant for as long again, to a member, or to one whose grant has ended not long ago.
   * @throws PulsemeshError `grant-none`, `key-revoked`, `grant-beyond`
   */
  async renew(node: NodeId): Promise<string> {
    const held = this.#options.members.grantOf(node);
    if (held === undefined) throw nothingToRenew(node, "nothing was ever granted to it");
    if ((this.#nowS() - held.expS) * 1_000 > RENEWAL_MS_MAX)
      throw nothingToRenew(node, "its grant ended over 180 days ago");
    const { roles, robots, region } = held;
    const lifeMs = (held.expS - held.notBeforeS) * 1_000;
    return this.#grant(held, { roles, robots, region, lifeMs });
  }

  /**
   * Ends a membership for good.
   * @param cuts - where the node's chains end, by document; of what is not named nothing is kept
   * @throws PulsemeshError `statement-malformed`, `statement-oversized`
   */
  async revoke(node: NodeId, reason: string, cuts: readonly Cut[]): Promise<string> {
    const { fleet, key } = this.#options;
    const issuedS = this.#nowS();
    const named = { kind: "revocation", signer: this.#signer, node } as const;
    return signToken({ ...named, reason, cuts, issuedS }, key.seed, fleet);
  }

  /** The next charter; to be asked of whoever holds the key that the root statement designates for it. */
  async charter({ root, revocations, previous }: CharterFacts): Promise<string> {
    const { fleet, key } = this.#options;
    const number = (previous?.number ?? 0) + 1;
    if (number > NUMBER_MAX) {
      throw new PulsemeshError(
        "statement-malformed",
        `Cannot sign another charter: ${NUMBER_MAX} is the last number. Rotate the root, and begin anew under its statement.`,
      );
    }
    return signToken(
      {
        kind: "charter",
        signer: this.#signer,
        number,
        previous: previous?.id,
        root,
        revocations: revocations.length,
        revocationsHash: hashOfIds(revocations),
        issuedS: this.#nowS(),
      },
      key.seed,
      fleet,
    );
  }

  /**
   * Makes an invite; it is open when this returns.
   * @returns one word that begins with `pulsemesh:`, and that is a secret
   * @throws PulsemeshError `grant-beyond`, `option-invalid`, `invites-max`, `data-dir-unusable`
   */
  invite(options: InviteOptions): string {
    const { roles, robots, region, addresses, ttlMs, uses = 1 } = options;
    const { fleet, self, isPrivate = false } = this.#options;
    this.#checkBounds({ roles, robots });
    const nowS = this.#nowS();
    if (!isIn(ttlMs, 1_000, INVITE_TTL_MS_MAX) || !isIn(uses, 1, INVITE_USES_MAX)) {
      throw new PulsemeshError(
        "option-invalid",
        `Cannot make an invite for ${uses} uses within ${ttlMs} ms: it has 1 to ${INVITE_USES_MAX} uses within 1 s to 7 d. Nothing was changed.`,
      );
    }
    const secret = new Uint8Array(randomBytes(SECRET_BYTES));
    const endS = nowS + Math.floor(ttlMs / 1_000);
    // First what may be refused, then what is kept.
    const text = writeInvite({ fleet, issuer: self, addresses, secret, expS: endS, isPrivate });
    const id = secretHash(secret);
    this.#ledger.add({ id, roles, robots, region, usesMax: uses, endS }, nowS);
    return text;
  }

  /**
   * The grant for whoever shows an invite. The use is durable before the grant is handed out; the same node may ask again, as when the answer was lost, and is
   * given the same grant, or nothing where another was issued to it since.
   * @param peer - who asks, as the transport knows it
   * @throws PulsemeshError `enrol-rate`, `invite-malformed`, `invite-foreign`, `invite-unknown`, `invite-used`, `invite-expired`, and as
   * {@link Issuer.grant}
   */
  async redeem(invite: string, request: string, peer: NodeId): Promise<string> {
    const { fleet, self } = this.#options;
    this.#checkRate(peer);
    const { issuer, secret, ...shown } = readInvite(invite);
    if (issuer !== self || shown.fleet !== fleet) {
      throw new PulsemeshError(
        "invite-foreign",
        `Cannot use this invite here: ${issuer} made it, in fleet ${shown.fleet}. Nothing was changed.`,
      );
    }
    const asked = this.#readRequestOf(peer, request);
    const claims = this.#claimsFor(this.#find(secret, shown.expS, peer), asked);
    // Signed first: what cannot be granted uses nothing. Between the use and the answer nothing is waited for.
    const grant = await this.#sign(claims);
    this.#ledger.use(secret, peer, { nowS: this.#nowS(), grantedS: claims.issuedS });
    return grant;
  }

  /** What an invite gives, once: whatever was granted to its user later is not to be undone by it. */
  #claimsFor(invite: OpenInvite, asked: GrantRequest): GrantClaims {
    const anew = this.#claims(asked, invite);
    const grantedS = invite.grantedS[invite.usedBy.indexOf(asked.node)];
    const held = this.#options.members.grantOf(asked.node);
    // The grant for its use never became known, where it has another that is older.
    if (grantedS === undefined || held === undefined || held.issuedS < grantedS) return anew;
    if (held.issuedS > grantedS) {
      throw new PulsemeshError(
        "invite-used",
        `Cannot use this invite: it has made ${asked.node} a member, which was granted something else since. Nothing was changed.`,
      );
    }
    const isSame =
      held.signer === this.#signer &&
      held.auditKey === asked.auditKey &&
      held.cosignKey === asked.cosignKey;
    // Of one spelling, and signed again with the same signature: no new statement for anybody.
    return isSame ? held : anew;
  }

  /** Of an invite that is forgotten its own text still tells that it has ended. */
  #find(secret: Uint8Array, expS: number, peer: NodeId): OpenInvite {
    const nowS = this.#nowS();
    try {
      return this.#ledger.find(secret, peer, nowS);
    } catch (error) {
      if (!(error instanceof PulsemeshError) || error.code !== "invite-unknown" || expS > nowS)
        throw error;
      throw new PulsemeshError(
        "invite-expired",
        "Cannot use this invite: it has ended. Nothing was changed.",
      );
    }
  }

  #checkRate(peer: NodeId): void {
    if (this.#rate.admit(peer, this.#options.now().monoMs)) return;
    throw new PulsemeshError(
      "enrol-rate",
      "Cannot enrol now: too many have tried within this minute. Nothing was changed.",
    );
  }

  #readRequestOf(peer: NodeId, text: string): GrantRequest {
    const request = this.#readRequest(text);
    if (request.node === peer) return request;
    throw new PulsemeshError(
      "request-malformed",
      `Cannot enrol ${request.node} at the request of ${peer}. Nothing was changed.`,
    );
  }

  #readRequest(text: string): GrantRequest {
    const request = readRequest(text);
    if (request.fleet !== undefined && request.fleet !== this.#options.fleet) {
      throw new PulsemeshError(
        "fleet-foreign",
        `Cannot grant anything to ${request.node}: it asks to be in fleet ${request.fleet}. Nothing was changed.`,
      );
    }
    return request;
  }

  async #grant(asked: Asked, terms: GrantTerms): Promise<string> {
    return this.#sign(this.#claims(asked, terms));
  }

  #claims(
    { node, auditKey, cosignKey, region: said }: Asked,
    { roles, robots, region = said, lifeMs = GRANT_LIFE_MS }: GrantTerms,
  ): GrantClaims {
    const { members } = this.#options;
    if (members.isRevoked(node)) {
      throw new PulsemeshError(
        "key-revoked",
        `Cannot grant anything to ${node}: its key was revoked. Nothing was changed.`,
      );
    }
    this.#checkBounds({ roles, robots });
    const nowS = this.#nowS();
    const held = members.grantOf(node);
    return {
      kind: "grant",
      signer: this.#signer,
      node,
      roles,
      robots,
      region,
      auditKey,
      cosignKey,
      notBeforeS: nowS,
      expS: nowS + Math.floor(lifeMs / 1_000),
      // Of two grants the one that was issued later counts, so this one is, whatever the clock says.
      issuedS: Math.max(nowS, (held?.issuedS ?? 0) + 1),
    };
  }

  #sign(claims: GrantClaims): Promise<string> {
    const { key, fleet } = this.#options;
    return signToken(claims, key.seed, fleet);
  }

  #checkBounds({ roles, robots }: Pick<GrantTerms, "roles" | "robots">): void {
    const { bounds } = this.#options;
    const beyond = roles.filter((role) => !bounds.roles.includes(role));
    const wide = robots.filter((pattern) => !allowsPatterns(bounds.robots, [pattern]));
    const isOver = this.#nowS() >= bounds.expS;
    if (beyond.length === 0 && wide.length === 0 && !isOver) return;
    const why = isOver ? "its own time is over" : `not ${[...beyond, ...wide].join(", ")}`;
    throw new PulsemeshError(
      "grant-beyond",
      `Cannot grant this: the root statement lets this issuer grant roles ${bounds.roles.join(", ")} for robots ${bounds.robots.join(", ")}; ${why}. Nothing was changed.`,
    );
  }

  #nowS(): number {
    return Math.floor(this.#options.now().wallMs / 1_000);
  }
}

/**
 * Whether a grant should be renewed: half of its life is over.
 * @param wallMs - now, in ms since 1970
 */
export function isRenewalDue(
  { notBeforeS, expS }: Pick<GrantClaims, "notBeforeS" | "expS">,
  wallMs: number,
): boolean {
  return wallMs >= ((notBeforeS + expS) / 2) * 1_000;
}

/** Whether a grant lasts as long as one does of which nothing is said: those alone are renewed. */
export function isUsualLife({
  notBeforeS,
  expS,
}: Pick<GrantClaims, "notBeforeS" | "expS">): boolean {
  return (expS - notBeforeS) * 1_000 === GRANT_LIFE_MS;
}

/**
 * Whether the charter should be signed anew though nothing has changed.
 * @param issuedS - the date of the one that is held, in Unix seconds; undefined where there is none
 * @param wallMs - now, in ms since 1970
 */
export function isCharterDue(issuedS: number | undefined, wallMs: number): boolean {
  if (issuedS === undefined) return true;
  const ageMs = wallMs - issuedS * 1_000;
  // Signed by a clock ahead it is no news to anybody before that time.
  return ageMs >= CHARTER_EVERY_MS || (ageMs < -CLOCK_LEEWAY_MS && wallMs >= CLOCK_MS_LEAST);
}

/** What a charter commits to, by the names of all revocations in any order. */
export function hashOfIds(ids: readonly StatementId[]): HashHex {
  return idsHash({ codec: dagCborCodec, hash: { sha256 } }, ids);
}

function isIn(value: number, min: number, max: number): boolean {
  return Number.isFinite(value) && value >= min && value <= max && Math.floor(value) === value;
}

function nothingToRenew(node: NodeId, why: string): PulsemeshError {
  return new PulsemeshError(
    "grant-none",
    `Cannot renew a grant of ${node}: ${why}. Nothing was changed.`,
  );
}
