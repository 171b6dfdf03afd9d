/** Who sees one node, when, and by which rule that counts (rule VE10): everything of it is known to this node anyway, and put together for people. */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import { electorateFacts } from "../liveness/electorate-facts.ts";
import type { Neighbourhood } from "../liveness/neighbourhood.ts";
import { EXPIRE_INTERVALS, sightNeeded } from "../liveness/rules.ts";
import { standingOf } from "../liveness/standing.ts";
import { NO_PULSE, type Subject } from "../liveness/subject.ts";
import type { Now } from "../now.ts";
import type { Member, Membership } from "../roster/membership.ts";
import { outageView } from "../view/outage-view.ts";
import type { NodeReason, Status } from "../view/status.ts";
import type { NodeWitnesses, VerdictView, WitnessView } from "../view/witness-view.ts";
import { decidingRule } from "./deciding-rule.ts";
import type { VerdictFile } from "./kept-evidence.ts";
import { neededFor } from "./needed.ts";
import { reachOf } from "./reachability.ts";

export interface ReportDeps {
  readonly env: Env;
  readonly near: Neighbourhood;
  readonly membership: Membership;
}

interface Standing {
  readonly status: Status;
  readonly reason: NodeReason | undefined;
  readonly sinceWallMs: number;
}

/** Undefined for a node that nothing is known of. */
export function witnessReport(deps: ReportDeps, node: NodeId, now: Now): NodeWitnesses | undefined {
  const { env, near, membership } = deps;
  const { self } = env.identity;
  const { electorate } = near.liveness;
  const subject = near.liveness.subject(node);
  const member = membership.member(node);
  const standing = node === self ? ownStanding(now) : nodeStanding(deps, node, now);
  if (standing === undefined) return undefined;
  const { members, quorum } = electorateFacts(electorate, node);
  const { name, region } = node === self ? env.identity : (member ?? { name: node, region: "" });
  const newest = subject?.newestName ?? NO_PULSE;
  const outage = electorate.regions.outageOf(node);
  const files = near.evidence.verdictsOf(node, now);
  const wallOf = (monoMs: number): number => now.wallMs + (monoMs - now.monoMs);
  const facts = {
    inSight: {
      have: electorate.inSight(now.monoMs),
      need: sightNeeded(electorate.roster, env.config.pair),
    },
    accusers: { have: accusersOf(deps, subject, newest), need: quorum },
    ups: subject?.latch && { have: upsOf(deps, subject), need: quorum },
    settleMs: env.config.settleMs,
  };
  return {
    node,
    name,
    region,
    status: standing.status,
    reason: standing.reason,
    sinceWallMs: standing.sinceWallMs,
    rule: decidingRule(standing.reason),
    members,
    ...facts,
    needed: neededFor(standing.reason, facts),
    pulse: newest.boot === 0 ? undefined : newest,
    deadlineWallMs: subject === undefined ? undefined : finite(wallOf(subject.deadlineMonoMs)),
    pulseEveryMs: subject?.dating.newest === undefined ? undefined : subject.intervalMs,
    outage: outage && outageView(outage),
    witnesses: membership
      .members()
      .filter((each) => electorate.isWitness(each.node, node))
      .map((each) => witnessOf(deps, { member: each, node, subject }, now)),
    verdicts: files.map(verdictOf),
  };
}

function ownStanding(now: Now): Standing {
  return { status: "up", reason: undefined, sinceWallMs: now.wallMs };
}

function nodeStanding(
  { near, membership }: ReportDeps,
  node: NodeId,
  now: Now,
): Standing | undefined {
  return standingOf(near.liveness.subject(node), membership, node, now);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Live accusations by the newest pulse known. */
function accusersOf({ near }: ReportDeps, subject: Subject | undefined, newest: PulseName): number {
  let count = 0;
  for (const [by, { name }] of subject?.accusations ?? []) {
    const isNewest = comparePulseNames(name, newest) === 0;
    if (isNewest && near.liveness.electorate.isWitness(by, subject?.node ?? "")) count += 1;
  }
  return count;
}

function upsOf({ near }: ReportDeps, { latch, node, ups }: Subject): number {
  let count = 0;
  for (const [by, { name }] of ups) {
    const isLater = comparePulseNames(name, latch?.name ?? NO_PULSE) > 0;
    if (isLater && near.liveness.electorate.isWitness(by, node)) count += 1;
  }
  return count;
}

function verdictOf(file: VerdictFile): VerdictView {
  const { atWallMs, name, accusers, singleWitness, words, end } = file;
  return {
    atWallMs,
    pulse: name,
    accusers,
    singleWitness,
    evidence: {
      accusations: words.of("accuse").length,
      objections: words.of("object").length,
      ups: words.of("up").length,
    },
    end: end && { atWallMs: end.atWallMs, how: end.how },
  };
}

interface About {
  readonly member: Member;
  readonly node: NodeId;
  readonly subject: Subject | undefined;
}

function witnessOf(deps: ReportDeps, about: About, now: Now): WitnessView {
  const { env, near } = deps;
  const { member, node, subject } = about;
  const isSelf = member.node === env.identity.self;
  const { name, region } = member;
  const common = { node: member.node, name, region, isSelf };
  const wallOf = (monoMs: number): number => now.wallMs + (monoMs - now.monoMs);
  const accusation = subject?.accusations.get(member.node);
  const expireMs = EXPIRE_INTERVALS * env.config.pulseEveryMs;
  const isStanding = accusation !== undefined && now.monoMs - accusation.seenMonoMs <= expireMs;
  // Whoever hears the subject knows better than those who still accuse it by an earlier pulse.
  const isPassed = subject?.isFresh(now.monoMs) === true && !isSelf;
  if (isStanding && !isPassed) {
    return {
      ...common,
      opinion: "accuses",
      pulse: accusation.name.boot === 0 ? undefined : accusation.name,
      ageMs: Math.max(0, now.monoMs - accusation.seenMonoMs),
      sinceWallMs: wallOf(accusation.namedMonoMs),
    };
  }
  const witness = near.liveness.subject(member.node);
  const { reach, pulse } = reachOf(near, { from: member.node, to: node }, now);
  const date = isSelf ? subject?.dating.newestDate : witness?.dating.newestDate;
  const ageMs = date === undefined ? undefined : Math.max(0, now.monoMs - date.dateMonoMs);
  if (reach !== "unknown") {
    const opinion = ({ heard: "hears", lossy: "lossy", missed: "misses" } as const)[reach];
    return { ...common, opinion, pulse, ageMs, sinceWallMs: undefined };
  }
  // Who sends its pulses to others alone is not silent (rule PU8).
  const isHeardHere = near.liveness.electorate.isDuty(member.node);
  const isSilent = !isSelf && isHeardHere && witness?.isInSight(now.monoMs) !== true;
  return {
    ...common,
    opinion: isSilent ? "silent" : "unknown",
    pulse,
    ageMs,
    sinceWallMs: isSilent && date !== undefined ? wallOf(date.dateMonoMs) : undefined,
  };
}
