/**
 * Who hears whom (rule PU7): every node says in its pulses whose newest pulses it holds, which of them are inside their deadline, and of whom it misses too
 * many. So each node can draw the same picture of all links, as far as it hears those who look; the share of what was missed is known of its own links alone.
 */
import { compareText, type NodeId, type PulseName } from "../ids.ts";
import type { Neighbourhood } from "../liveness/neighbourhood.ts";
import type { Now } from "../now.ts";
import { HEARD_MAX, shortIdOf } from "../pulse/pulse-codec.ts";
import type { Identity } from "../ports.ts";
import type { Membership } from "../roster/membership.ts";
import { outageViews } from "../view/outage-view.ts";
import type { Reach, Reachability, ReachPair } from "../view/reachability-view.ts";

export interface ReachDeps {
  readonly identity: Identity;
  readonly near: Neighbourhood;
  readonly membership: Membership;
}

/**
 * The pairs of a witness and its subject among the members. In a fleet in which each node has witnesses of its own (rule PU8) only those of which this node
 * knows something: pulses come to witnesses alone, and so does what is said in them, but accusations come to everybody.
 */
export function reachability({ identity, near, membership }: ReachDeps, now: Now): Reachability {
  const members = membership.members();
  const { electorate } = near.liveness;
  const isWhole = !electorate.isLarge;
  const everybody = members.map(({ node }) => node);
  const byShortId = new Map(everybody.map((node) => [shortIdOf(node), node]));
  const accused = isWhole ? new Map<NodeId, readonly NodeId[]>() : accusedBy(near, everybody);
  const pairs: ReachPair[] = [];
  for (const from of everybody) {
    const isSelf = from === identity.self;
    const word = isSelf ? undefined : wordOf(near, from, now);
    const named = isSelf ? [...electorate.duties] : namedBy(word, byShortId);
    const known = isWhole ? everybody : [...named, ...(accused.get(from) ?? [])];
    for (const to of new Set(known.toSorted(compareText))) {
      if (!electorate.isWitness(from, to)) continue;
      const { reach } = reachOfPair(near, { from, to, word }, now);
      if (!isWhole && reach === "unknown") continue;
      const loss = isSelf ? near.liveness.subject(to)?.loss.share : undefined;
      pairs.push({ from, to, reach, loss });
    }
  }
  return {
    nodes: members.map(({ node, name, region }) => ({
      node,
      name,
      region,
      status: node === identity.self ? "up" : (near.liveness.subject(node)?.status ?? "unknown"),
    })),
    pairs,
    unreachable: outageViews(electorate.regions.outages.values()),
  };
}

interface Reached {
  readonly reach: Reach;
  /** The newest pulse of `to` that `from` names. */
  readonly pulse: PulseName | undefined;
}

/** How one node hears another one. */
export function reachOf(
  near: Neighbourhood,
  pair: { readonly from: NodeId; readonly to: NodeId },
  now: Now,
): Reached {
  const word = near.isSelf(pair.from) ? undefined : wordOf(near, pair.from, now);
  return reachOfPair(near, { ...pair, word }, now);
}

function reachOfPair(
  near: Neighbourhood,
  pair: { readonly from: NodeId; readonly to: NodeId; readonly word: Word | undefined },
  now: Now,
): Reached {
  const { from, to, word } = pair;
  // Of itself a node has no subject, and of what it follows it needs nobody's word.
  if (near.isSelf(from)) return ownReach(near, to, now);
  const said = saidReach(word, to);
  const accusation =
    said.reach === "unknown" ? near.liveness.subject(to)?.accusations.get(from) : undefined;
  return accusation === undefined ? said : { reach: "missed", pulse: accusation.name };
}

/** Whom each node accuses: what is said to everybody. */
function accusedBy(
  near: Neighbourhood,
  members: readonly NodeId[],
): ReadonlyMap<NodeId, readonly NodeId[]> {
  const accused = new Map<NodeId, NodeId[]>();
  for (const node of members) {
    for (const by of near.liveness.subject(node)?.accusations.keys() ?? []) {
      const others = accused.get(by);
      if (others === undefined) accused.set(by, [node]);
      else others.push(node);
    }
  }
  return accused;
}

interface Word {
  readonly of: ReadonlyMap<string, Reached>;
  /** Whoever is not in it was not heard. */
  readonly isWhole: boolean;
}

/** What a node in sight says of all others, by short id; undefined where it is not heard. */
function wordOf(near: Neighbourhood, from: NodeId, now: Now): Word | undefined {
  const word = near.liveness.subject(from)?.wordAt(now.monoMs);
  if (word === undefined) return undefined;
  const of = new Map<string, Reached>();
  for (const { shortId, boot, seq, fresh } of word.heard)
    of.set(shortId, { reach: fresh ? "heard" : "missed", pulse: { boot, seq } });
  for (const shortId of word.missing)
    of.set(shortId, { reach: "lossy", pulse: of.get(shortId)?.pulse });
  // A full list leaves out somebody each time, and one to its witnesses whoever is none of theirs: that says nothing of who is left out.
  const isWhole = word.heard.length < HEARD_MAX && !near.liveness.electorate.isLarge;
  return { of, isWhole };
}

/** Sorted. */
function namedBy(
  word: Word | undefined,
  byShortId: ReadonlyMap<string, NodeId>,
): readonly NodeId[] {
  const named = [...(word?.of.keys() ?? [])].flatMap((shortId) => byShortId.get(shortId) ?? []);
  return named.toSorted(compareText);
}

function saidReach(word: Word | undefined, to: NodeId): Reached {
  const said = word?.of.get(shortIdOf(to));
  if (said !== undefined) return said;
  return { reach: word?.isWhole === true ? "missed" : "unknown", pulse: undefined };
}

/** Fresh is also whoever is known alive by others' objections; a link is judged by what comes over it. */
function ownReach(near: Neighbourhood, to: NodeId, now: Now): Reached {
  const subject = near.liveness.subject(to);
  const date = subject?.datedSinceBase === true ? subject.dating.newestDate : undefined;
  if (subject === undefined || date === undefined) return { reach: "unknown", pulse: undefined };
  const pulse = subject.dating.newest;
  const arrivedMs = now.monoMs - subject.dating.newestArrivalMonoMs;
  if (!subject.isFresh(now.monoMs) || arrivedMs > subject.patienceMs)
    return { reach: "missed", pulse };
  return { reach: subject.loss.isLossy() ? "lossy" : "heard", pulse };
}
