/**
 * What a node is by statements that lie on a disk, without a core that runs on them (rules ME3, ME7): whoever is about to ask an issuer wants to know first
 * whether there is anything to ask for.
 */
import { coreConfig } from "../config.ts";
import type { FleetId, NodeId } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import { Authority, type Standing } from "./authority.ts";
import { openStatement, type Statement } from "./statement.ts";

/** Of whom, in which fleet, and when, in ms since 1970. */
export interface StandingQuestion {
  readonly fleet: FleetId;
  readonly node: NodeId;
  readonly wallMs: number;
}

/**
 * The standing of a node among statements in any order; those that cannot be read say nothing. Never throws.
 *
 * @example
 * standingAmong(ports, tokens, { fleet, node, wallMs: Date.now() }).kind === "expired";
 */
export function standingAmong(
  ports: Ports,
  tokens: readonly string[],
  { fleet, node, wallMs }: StandingQuestion,
): Standing {
  const identity = { fleet, self: node, name: node, region: "", agent: "" };
  const env = { ports, identity, config: coreConfig(), out: new Outbox() };
  const statements = tokens.flatMap((token) => {
    const opened = openStatement(env, token);
    return opened.ok ? [opened.statement] : [];
  });
  const authority = new Authority(env);
  const isAboutNode = ({ claims }: Statement): boolean =>
    claims.kind === "root" || ("node" in claims && claims.node === node);
  // Root statements as one set, as a node that starts judges them: one by one, a rival would stand where a later one shows that it does not.
  authority.takeOpened(statements.filter(isAboutNode), 0);
  return authority.standing(node, wallMs);
}
