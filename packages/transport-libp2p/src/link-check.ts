/**
 * Reachability both ways, looked at when somebody asks (rule AD6): can this node dial each member, and can each member dial it back?
 * A connection that stands shows one direction only, and a member behind a router looks like all others until it restarts.
 */
import type { Connection } from "@libp2p/interface";
import type { NodeId } from "@pulsemesh/core";
import { compareText } from "@pulsemesh/core";
import type { DialBack, DialBackAnswer } from "./dial-back.ts";
import type { DialLoop, DialOutcome } from "./dial-loop.ts";

/** Most members that one check looks at; of more, these are drawn anew each time. */
export const LINKS_CHECKED_MAX: number = 16;
/** Longest that a check takes; what is open then has no answer. */
export const LINK_CHECK_MS_MAX: number = 8_000;

/** How one member and this node can reach each other. */
export interface LinkReport {
  readonly node: NodeId;
  /** Who opened the connection that stands; undefined when none does. */
  readonly connected: "inbound" | "outbound" | undefined;
  /** What came of dials to it: now, where it is connected, else of the last that failed. Empty when nobody knows where it is. */
  readonly dialled: readonly DialOutcome[];
  /** What came of its dials to this node; undefined when it is not connected and so could not be asked. */
  readonly dialledBack: DialBackAnswer | undefined;
}

export interface LinkCheckDeps {
  /** Members that are connected, or whose address is known. */
  readonly members: () => readonly NodeId[];
  readonly connections: (node: NodeId) => readonly Connection[];
  readonly addressesOf: (node: NodeId) => readonly string[];
  readonly dialing: Pick<DialLoop, "knock" | "outcomesOf">;
  readonly dialBack: Pick<DialBack, "ask">;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Calls a task later; answers how to call it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** Looks at up to {@link LINKS_CHECKED_MAX} members. Never rejects. */
export async function checkLinks(deps: LinkCheckDeps): Promise<readonly LinkReport[]> {
  const drawn = drawMembers(deps);
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  const callOff = deps.after(LINK_CHECK_MS_MAX, end);
  try {
    const reports = await Promise.all(drawn.map((node) => checkLink(deps, node, isOver)));
    return reports.toSorted((a, b) => compareText(a.node, b.node));
  } finally {
    callOff();
  }
}

/**
 * Half of the places go to those that this node could not dial, the others to those that are connected, who alone can be tried out. In a large
 * fleet most members are neither (CH6), and nothing is to be told of them.
 */
function drawMembers(deps: LinkCheckDeps): readonly NodeId[] {
  const all = deps
    .members()
    .map((node) => ({ node, draw: deps.random() }))
    .toSorted((a, b) => a.draw - b.draw)
    .map(({ node }) => node);
  const isConnected = (node: NodeId): boolean => deps.connections(node).length > 0;
  const hasFailed = (node: NodeId): boolean =>
    !isConnected(node) && deps.dialing.outcomesOf(node).length > 0;
  const [connected, failed] = [all.filter(isConnected), all.filter(hasFailed)];
  const first = failed.slice(0, LINKS_CHECKED_MAX / 2);
  const chosen = new Set([...first, ...connected, ...failed, ...all]);
  return [...chosen].slice(0, LINKS_CHECKED_MAX);
}

async function checkLink(
  deps: LinkCheckDeps,
  node: NodeId,
  isOver: Promise<void>,
): Promise<LinkReport> {
  const connections = deps.connections(node);
  const [connection] = connections;
  if (connection === undefined) {
    const dialled = deps.dialing.outcomesOf(node);
    return { node, connected: undefined, dialled, dialledBack: undefined };
  }
  const isOutbound = connections.some(({ direction }) => direction === "outbound");
  const noAnswer: DialBackAnswer = { ok: false, why: "no-answer" };
  const [dialled, dialledBack] = await Promise.all([
    Promise.all(deps.addressesOf(node).map((address) => knock(deps, node, address, isOver))),
    orElse(deps.dialBack.ask(connection), isOver, noAnswer),
  ]);
  return { node, connected: isOutbound ? "outbound" : "inbound", dialled, dialledBack };
}

async function knock(
  deps: LinkCheckDeps,
  node: NodeId,
  address: string,
  isOver: Promise<void>,
): Promise<DialOutcome> {
  const calledOff = new AbortController();
  const dial = deps.dialing.knock(node, address, calledOff.signal);
  const knocked = await orElse(dial, isOver, { outcome: "timed-out" } as const);
  calledOff.abort();
  return { address, outcome: knocked.outcome };
}

async function orElse<T, E>(work: Promise<T>, isOver: Promise<void>, otherwise: E): Promise<T | E> {
  return await Promise.race([work, isOver.then(() => otherwise)]);
}
