/**
 * An issuer beside a running node (rules ME2, ME3, ME7): answers strangers while an invite is open, renews the grants of members that live, and says
 * every few hours that nothing has changed. What it signs is handed to its own node, as an operator would.
 */
import {
  type AdmissionRefusal,
  type AuthorityView,
  type CommandResult,
  type Cut,
  type ErrorCode,
  type GrantView,
  type HashHex,
  type NodeId,
  PulsemeshError,
  type Status,
} from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";
import type { Clock } from "../driver/clock.ts";
import { decodeQuestion, encodeAnswer, type EnrolmentAnswer } from "./enrolment-frames.ts";
import {
  type GrantTerms,
  hashOfIds,
  isCharterDue,
  isRenewalDue,
  isUsualLife,
  type InviteOptions,
  type Issuer,
} from "./issuer.ts";
import type { OpenInvite } from "./invite-ledger.ts";

/** How often it looks what is due. */
export const UPKEEP_EVERY_MS: number = 30_000;
/**
 * How long after its start an issuer waits for a peer that knows more, before it signs anything of its own accord, in ms. Its disk may be an old one: then
 * the next number of its charter is taken already, and a grant that it would renew was made narrower since.
 */
export const CATCH_UP_MS_MAX: number = 60_000;
/** How often it looks meanwhile whether it has. */
const CATCH_UP_LOOK_MS = 2_000;
/** Between two renewals for one node that others turned away, in ms. */
const RENEWAL_EVERY_MS = 60_000;
/** How long a grant lasts that everybody is given who asks, in ms: a day. */
export const OPEN_GRANT_LIFE_MS: number = 86_400_000;

const OPEN_TERMS: GrantTerms = {
  roles: ["robot", "gateway", "operator"],
  robots: ["*"],
  lifeMs: OPEN_GRANT_LIFE_MS,
};

export interface IssuingDeps {
  readonly issuer: Issuer;
  /** The issuer's key, as statements name it. */
  readonly key: string;
  readonly self: NodeId;
  readonly view: () => AuthorityView;
  readonly statusOf: (node: NodeId) => Status | undefined;
  /** Whether another process runs under this node's key (rule BK1), on a copy of its folder, and so with the same issuer's key and invites. */
  readonly isTwin: () => boolean;
  /** Whether the clocks of most nodes, this one counted, are ahead of this one's. */
  readonly isClockBehind: () => boolean;
  readonly submit: (token: string) => Promise<CommandResult>;
  /** Keeps what is about to be handed out where a lost store does not take it along. Durable when it returns. */
  readonly remember: (token: string) => void;
  /** Where a node's chains end, for its revocation. */
  readonly cutsOf: (node: NodeId) => Promise<readonly Cut[]>;
  readonly serve: (
    answer: ((node: NodeId, question: Uint8Array) => Promise<Uint8Array>) | undefined,
  ) => Promise<void>;
  /** Multiaddrs by which this node is reached. */
  readonly addresses: () => readonly string[];
  /** Whether whoever asks is granted membership for a day. */
  readonly isOpen: boolean;
  /** Somebody who asked to become a member was refused, and why. */
  readonly turnedAway: (code: ErrorCode) => void;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly logger: NodeLogger;
}

export class Issuing {
  readonly #deps: IssuingDeps;
  /** Of nodes that have a grant, so of no more than those (GRANTS_MAX). */
  readonly #renewedMonoMs = new Map<NodeId, number>();
  #callOff = (): void => undefined;
  #upkeep: Promise<void> | undefined;
  readonly #works = new Set<Promise<void>>();
  #hasEnded = false;
  /** The root names it no more. */
  #isEnded = false;
  #startedMonoMs = Number.NEGATIVE_INFINITY;

  constructor(deps: IssuingDeps) {
    this.#deps = deps;
  }

  /** Looks what is due now, and goes on doing so. */
  async start(): Promise<void> {
    this.#startedMonoMs = this.#deps.clock.now().monoMs;
    await this.#look();
    this.#plan();
  }

  /** Ends it; {@link idle} tells when what is being signed is done. */
  end(): void {
    this.#hasEnded = true;
    this.#callOff();
  }

  /** Resolves when nothing is being signed of its own accord. Never rejects. */
  async idle(): Promise<void> {
    await Promise.all(this.#works);
  }

  get invites(): readonly OpenInvite[] {
    return this.#deps.issuer.invites;
  }

  /** @throws PulsemeshError `issuer-last` where without it nobody could let others in, renew or revoke, and there are others */
  checkLeaving(): void {
    const onlyKey = this.#onlyKey();
    if (onlyKey === undefined) return;
    throw new PulsemeshError(
      "issuer-last",
      `Cannot leave, as this node is the fleet's only issuer: without it nobody is let in or revoked, and memberships end within 14 days. Nothing was changed; ${handOverFirst(onlyKey)}.`,
    );
  }

  /** This issuer's key where no other may issue; undefined also where there are no other members. */
  #onlyKey(): string | undefined {
    const { key, self, view, clock } = this.#deps;
    const { root, grants } = view();
    const nowS = clock.now().wallMs / 1_000;
    const working = root?.issuers.filter(({ expS }) => expS > nowS) ?? [];
    if (working.length !== 1 || working[0]?.key !== key) return undefined;
    const isMember = ({ node, standing, hasLeft }: GrantView): boolean =>
      node !== self && !hasLeft && standing !== "revoked" && standing !== "expired";
    return grants.some(isMember) ? key : undefined;
  }

  /**
   * Another process was found on a copy of this folder. Which invites were used there nobody can know, so those that are open end: one for a single node
   * would make two members. Never rejects.
   */
  async doubled(): Promise<void> {
    const { issuer, logger } = this.#deps;
    await this.#tried(async () => {
      const open = issuer.invites.length;
      if (open === 0) return;
      issuer.withdrawAll();
      logger.warn({ open }, "another process runs on a copy of this folder: open invites are void");
    });
    // Whoever asks meanwhile is told why.
    await this.#tried(() => this.#openOrClose());
  }

  /** @throws `twin`, and as {@link Issuer.invite} */
  async invite(options: Omit<InviteOptions, "addresses">): Promise<string> {
    this.#refuseTwin();
    const invite = this.#deps.issuer.invite({ ...options, addresses: this.#deps.addresses() });
    await this.#openOrClose();
    return invite;
  }

  /** @throws as {@link Issuer.withdraw} */
  async withdraw(id: HashHex): Promise<void> {
    this.#deps.issuer.withdraw(id);
    await this.#openOrClose();
  }

  /**
   * Makes who has signed the request a member: everything that it needs, to be carried there by hand.
   * @throws `twin`, as {@link Issuer.grant}, and as the node refuses it
   */
  async grant(request: string, terms: GrantTerms): Promise<readonly string[]> {
    this.#refuseTwin();
    const grant = await this.#deps.issuer.grant(request, terms);
    await this.#submit(grant);
    return [...this.#deps.view().enrolment, grant];
  }

  /**
   * Ends a membership for good; what the node wrote until now stays.
   * @throws PulsemeshError `peer-unknown` where nothing is granted to it; `issuer-last`, `option-invalid` for this node; `twin`, and as the node refuses it
   */
  async revoke(node: NodeId, reason: string): Promise<void> {
    const { issuer, cutsOf, key, self, view } = this.#deps;
    this.#refuseTwin();
    if (node === self) throw ownRevocation(this.#onlyKey());
    // Once is for good; the word of another issuer may turn out to be void.
    const isDone = view().revocations.some((said) => said.node === node && said.by === key);
    if (isDone) return;
    if (this.#grantOf(node) === undefined) {
      throw new PulsemeshError(
        "peer-unknown",
        `Cannot revoke ${node}: nothing is granted to it here. Nothing was changed.`,
      );
    }
    await this.#submit(await issuer.revoke(node, reason, await cutsOf(node)));
    await this.#look();
  }

  /** A node was not let in. One whose grant has ended is granted it anew, so that it is let in when it comes again. */
  refused(node: NodeId, refusal: AdmissionRefusal): void {
    if (refusal !== "grant-expired" || this.#hasEnded || this.#deps.isTwin()) return;
    const view = this.#deps.view();
    const grant = view.grants.find((each) => each.node === node);
    if (grant === undefined || !this.#isOurs(grant, view) || !this.#hasCaughtUp()) return;
    // Who finds the disk of a node that has left is not to be a member by that.
    if (grant.hasLeft) return;
    this.#work(this.#renew(node));
  }

  readonly #answer = async (node: NodeId, bytes: Uint8Array): Promise<Uint8Array> => {
    return encodeAnswer(await this.#enrol(node, bytes));
  };

  async #enrol(node: NodeId, bytes: Uint8Array): Promise<EnrolmentAnswer> {
    const { issuer, logger, turnedAway, view } = this.#deps;
    const question = decodeQuestion(bytes);
    if (question === undefined) {
      turnedAway("request-malformed");
      return { ok: false, code: "request-malformed", detail: "this is no question for an issuer" };
    }
    try {
      // Before an invite is used for nothing.
      this.#refuseTwin();
      const grant = await this.#signFor(node, question);
      await this.#submit(grant);
      logger.info({ node, invited: question.invite !== undefined }, "a node has been enrolled");
      return { ok: true, statements: [...view().enrolment, grant] };
    } catch (error) {
      if (!(error instanceof PulsemeshError)) throw error;
      turnedAway(error.code);
      logger.warn({ node, code: error.code, open: issuer.invites.length }, "refused to enrol");
      return { ok: false, code: error.code, detail: error.message };
    } finally {
      await this.#openOrClose();
    }
  }

  #signFor(
    node: NodeId,
    { invite, request }: { readonly invite: string | undefined; readonly request: string },
  ): Promise<string> {
    const { issuer, isOpen } = this.#deps;
    if (invite !== undefined) return issuer.redeem(invite, request, node);
    if (isOpen) return issuer.grantTo(node, request, OPEN_TERMS);
    throw new PulsemeshError(
      "invite-unknown",
      "Cannot enrol without an invite: this node does not take everybody. Nothing was changed.",
    );
  }

  async #submit(token: string): Promise<void> {
    const result = await this.#deps.submit(token);
    if (!result.ok) throw new PulsemeshError(result.code, `Cannot hand it over: ${result.detail}.`);
  }

  #plan(): void {
    if (this.#hasEnded) return;
    const delayMs = this.#hasCaughtUp() ? UPKEEP_EVERY_MS : CATCH_UP_LOOK_MS;
    this.#callOff = this.#deps.clock.after(delayMs, () => {
      this.#work(this.#look().finally(() => this.#plan()));
    });
  }

  #work(work: Promise<void>): void {
    this.#works.add(work);
    void work.finally(() => this.#works.delete(work));
  }

  /** One look at a time; never rejects. */
  #look(): Promise<void> {
    this.#upkeep ??= this.#keepUp().finally(() => {
      this.#upkeep = undefined;
    });
    return this.#upkeep;
  }

  async #keepUp(): Promise<void> {
    const isNamed = this.#isNamed();
    if (this.#deps.isTwin()) return await this.doubled();
    await this.#tried(async () => {
      if (!isNamed) return;
      if (!this.#hasCaughtUp()) return;
      await this.#signCharter();
      const view = this.#deps.view();
      for (const { node } of view.grants.filter((grant) => this.#isDue(grant, view)))
        await this.#renew(node);
    });
    // Whatever came of that: strangers wait to hear whether anybody answers.
    await this.#tried(() => this.#openOrClose());
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#deps.logger.error({ error: String(error) }, "cannot keep up the fleet's authority");
    }
  }

  async #signCharter(): Promise<void> {
    const { issuer, key, view, clock, isClockBehind } = this.#deps;
    const { root, charter, revocationIds } = view();
    if (root?.charterKey !== key) return;
    const { wallMs } = clock.now();
    const isCurrent =
      charter?.root === root.id &&
      charter.revocationsHash === hashOfIds(revocationIds) &&
      // A charter that only seems to be of the future would be followed by one that is old to everybody.
      (!isCharterDue(charter.atWallMs / 1_000, wallMs) ||
        (wallMs < charter.atWallMs && isClockBehind()));
    if (isCurrent) return;
    const facts = { root: root.id, revocations: revocationIds, previous: charter };
    const token = await issuer.charter(facts);
    this.#deps.remember(token);
    await this.#submit(token);
  }

  /** Whether this is no old copy, as far as can be told. Where there was never a charter there is nothing that could be behind. */
  #hasCaughtUp(): boolean {
    const { view, clock } = this.#deps;
    const { isCompared, charter } = view();
    if (isCompared || charter === undefined) return true;
    return clock.now().monoMs - this.#startedMonoMs >= CATCH_UP_MS_MAX;
  }

  /** Who is dead, or was not seen since this node started, has to ask; else a grant would be for ever. */
  #isDue(grant: GrantView, view: AuthorityView): boolean {
    const { node, standing, claims } = grant;
    const { self, statusOf, clock } = this.#deps;
    if (!this.#isOurs(grant, view) || (standing !== "granted" && standing !== "honoured"))
      return false;
    if (!isRenewalDue(claims, clock.now().wallMs)) return false;
    const status = statusOf(node);
    return node === self || status === "up" || status === "late" || status === "paused";
  }

  /**
   * Whether this one renews a grant: its own, and as who signs the charter those of issuers that are named no more, which nobody else would.
   */
  #isOurs({ issuer, claims }: GrantView, { root }: AuthorityView): boolean {
    const { key, isOpen } = this.#deps;
    // A day that everybody was given ends, unless everybody is given one still; so does what was granted for a time of its own.
    if (isOpenGrant(claims) ? !isOpen : !isUsualLife(claims)) return false;
    if (issuer === key) return true;
    return root?.charterKey === key && !root.issuers.some((other) => other.key === issuer);
  }

  /** Whether the root names this issuer still; said once where it does not. */
  #isNamed(): boolean {
    const { key, view, logger } = this.#deps;
    const isNamed = view().root?.issuers.some((issuer) => issuer.key === key) === true;
    if (!isNamed && !this.#isEnded) logger.warn({ key }, "the root names this issuer no more");
    this.#isEnded = !isNamed;
    return isNamed;
  }

  async #renew(node: NodeId): Promise<void> {
    const { issuer, clock, logger } = this.#deps;
    const { monoMs } = clock.now();
    const lastMonoMs = this.#renewedMonoMs.get(node) ?? Number.NEGATIVE_INFINITY;
    if (monoMs - lastMonoMs < RENEWAL_EVERY_MS) return;
    this.#renewedMonoMs.set(node, monoMs);
    try {
      const token = await issuer.renew(node);
      if (node === this.#deps.self) this.#deps.remember(token);
      await this.#submit(token);
      logger.info({ node }, "renewed a grant");
    } catch (error) {
      logger.warn({ node, error: String(error) }, "cannot renew a grant");
    }
  }

  /** Strangers are answered only while there is anything that they could be given. */
  async #openOrClose(): Promise<void> {
    const { issuer, isOpen, isTwin, serve } = this.#deps;
    // Also while the last use is spent: the answer to who used it may have been lost, and he asks again.
    const hasAnswers = isOpen || isTwin() || issuer.invites.length > 0;
    const isWanted = !this.#hasEnded && !this.#isEnded && hasAnswers;
    await serve(isWanted ? this.#answer : undefined);
  }

  /** Two that sign with one key would give one number, and one invite, twice. */
  #refuseTwin(): void {
    if (!this.#deps.isTwin()) return;
    throw new PulsemeshError(
      "twin",
      "Cannot issue now: the issuer's node runs twice, on a copy of its folder, and neither of the two makes or ends a membership. Nothing was changed.",
    );
  }

  #grantOf(node: NodeId): GrantView | undefined {
    return this.#deps.view().grants.find((grant) => grant.node === node);
  }
}

/** @param onlyKey - where no other may issue */
function ownRevocation(onlyKey: string | undefined): PulsemeshError {
  const what = "Cannot revoke the node that is asked: it could tell nobody";
  if (onlyKey === undefined)
    return new PulsemeshError(
      "option-invalid",
      `${what}. Nothing was changed; ask the node of another issuer.`,
    );
  return new PulsemeshError(
    "issuer-last",
    `${what}, and no other may revoke. Nothing was changed; ${handOverFirst(onlyKey)}, and revoke this one there.`,
  );
}

/** What to do before the only issuer goes. */
function handOverFirst(onlyKey: string): string {
  return `let another member issue first, where its folder and the root's keys are: pulsemesh key rotate issuer --root DIR --data ITS-FOLDER --replaces ${onlyKey}`;
}

/** Whether it has the terms of what whoever asks is given; who grants the same by hand has to grant it anew by hand. */
function isOpenGrant({ roles, robots, notBeforeS, expS }: GrantView["claims"]): boolean {
  const terms = [roles, robots, (expS - notBeforeS) * 1_000];
  return (
    JSON.stringify(terms) ===
    JSON.stringify([OPEN_TERMS.roles, OPEN_TERMS.robots, OPEN_TERMS.lifeMs])
  );
}
