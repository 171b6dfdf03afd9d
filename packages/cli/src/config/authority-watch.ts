/**
 * Says in good time, at the start and once a day, that an issuer of the fleet ends, and that grants are not renewed. Every node says so of itself; of the
 * others the node does where an issuer is, as who reads its log can do something about it.
 */
import type { PulsemeshNode } from "@pulsemesh/node";
import type { RunLogger } from "../run-logger.ts";
import { datedAhead, endingIssuers, type HeldGrant, unrenewedGrants } from "./authority-ends.ts";
import { DailyNotice } from "./daily-notice.ts";

/** Names in one line of the log. */
const namesMost = 10;

export interface AuthorityWatchDeps {
  readonly node: Pick<PulsemeshNode, "id" | "issuer" | "authorityView" | "fleetView">;
  readonly logger: RunLogger;
  /** Wall milliseconds. */
  readonly now: () => number;
}

/** Begins to look; to be disposed of before the node stops. */
export function watchAuthority(deps: AuthorityWatchDeps): Disposable {
  const notice = new DailyNotice({ now: deps.now, say: () => say(deps) });
  notice.start();
  return notice;
}

function say({ node, logger, now }: AuthorityWatchDeps): boolean {
  const nowWallMs = now();
  const { root, charter } = node.authorityView();
  const ahead = datedAhead(
    [
      ...(root === undefined ? [] : [{ name: "root", atWallMs: root.atWallMs }]),
      ...(charter === undefined ? [] : [{ name: "charter", atWallMs: charter.atWallMs }]),
    ],
    nowWallMs,
  );
  if (ahead !== undefined)
    logger.warn(
      { statement: ahead.name, at: new Date(ahead.atWallMs).toISOString() },
      "a statement of the fleet's authority is dated ahead of this clock: either it was signed by a clock that was ahead, or this one is behind",
    );
  const issuers = (root?.issuers ?? []).map(({ key, expS }) => ({ key, endsWallMs: expS * 1_000 }));
  const ending = endingIssuers(issuers, nowWallMs);
  for (const { key, endsWallMs } of ending) {
    const fields = { key, at: new Date(endsWallMs).toISOString() };
    if (endsWallMs > nowWallMs)
      logger.warn(fields, "an issuer of this fleet ends soon: pulsemesh key rotate issuer");
    else logger.error(fields, "an issuer of this fleet has ended: pulsemesh key rotate issuer");
  }
  const late = unrenewedGrants(grantsOf(node), nowWallMs);
  const [first] = late;
  if (first !== undefined) {
    const names = late.slice(0, namesMost).map(({ name }) => name);
    const at = new Date(first.endsWallMs).toISOString();
    logger.warn({ at, count: late.length, names }, "grants are not renewed, and end soon");
  }
  return ahead !== undefined || ending.length + late.length > 0;
}

function grantsOf(node: AuthorityWatchDeps["node"]): readonly HeldGrant[] {
  const { self, nodes } = node.fleetView();
  const known = new Map(nodes.map((other) => [other.node, other]));
  return node
    .authorityView()
    .grants.filter((grant) => grant.node === node.id || node.issuer !== undefined)
    .map((grant) => ({
      name: grant.node === node.id ? self.name : (known.get(grant.node)?.name ?? grant.node),
      beginsWallMs: grant.notBeforeWallMs,
      endsWallMs: grant.expWallMs,
      isLive:
        grant.standing !== "revoked" &&
        (grant.node === node.id || known.get(grant.node)?.status === "up"),
    }));
}
