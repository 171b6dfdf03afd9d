/** Who has stolen the keys of a fleet's root, and signs with them what takes everything from everybody (rule ME2). */
import { cpSync, existsSync, rmSync } from "node:fs";
import {
  AUTHORITY_FILES,
  type NextRoot,
  nextRootStatement,
  type PulsemeshNode,
  readSecretKey,
  signToken,
} from "@pulsemesh/node";
import type { RealNodes } from "./real-nodes.ts";

/** How long a row of such statements is, before the one that makes every issuer void. */
export interface LongRow {
  readonly count: number;
  /** Robot patterns of each issuer in each of them: what makes one long. */
  readonly patterns: number;
}

const nowS = (): number => Date.now() / 1_000;

/** Copies the keys, and not the next one, which is kept elsewhere. */
function steal(fleet: RealNodes): string {
  const loot = fleet.path("loot");
  if (!existsSync(loot)) cpSync(fleet.path("root"), loot, { recursive: true });
  rmSync(fleet.path("loot", "fleet-root-next.key"), { force: true });
  return loot;
}

/** Makes every issuer void, and names a key that has granted nothing to anybody. */
export function forgeVoid(fleet: RealNodes, aheadS: number = 0): Promise<NextRoot> {
  const { issuer } = fleet;
  const issuers = issuer.authorityView().root?.issuers ?? [];
  return nextRootStatement({
    rootDir: steal(fleet),
    change: {
      voids: issuers.map(({ key }) => ({ key, kept: [] })),
      name: issuers.map((each) => ({ ...each, key: issuer.fleet })),
      charterKey: issuer.fleet,
    },
    nowS: nowS() + aheadS,
  });
}

export interface ForgedRow {
  /** The last root statement. */
  readonly forged: NextRoot;
  readonly tokens: readonly string[];
}

/** Statements that change nothing, and the void upon them. */
export async function forgeRow(fleet: RealNodes, row: LongRow): Promise<ForgedRow> {
  const before = await forgeIdle(fleet, row);
  const forged = await forgeVoid(fleet, row.count);
  return { forged, tokens: [...before, forged.token] };
}

/** Statements that change nothing, one that names an issuer besides, and the revocations of all nodes by that one. */
export async function forgeRevocations(fleet: RealNodes, row: LongRow): Promise<ForgedRow> {
  const { issuer, all } = fleet;
  const before = await forgeIdle(fleet, row);
  const issuers = issuer.authorityView().root?.issuers ?? [];
  const named = issuers.slice(0, 1).map((each) => ({ ...each, key: issuer.fleet }));
  const change = { name: [...issuers, ...named], charterKey: issuer.fleet };
  const atS = nowS() + row.count;
  const forged = await nextRootStatement({ rootDir: steal(fleet), change, nowS: atS });
  const { seed } = await readSecretKey(fleet.path("loot", AUTHORITY_FILES.root));
  const claims = { kind: "revocation", signer: issuer.fleet, reason: "stolen", cuts: [] } as const;
  const issuedS = Math.floor(atS);
  const revocations = await Promise.all(
    all.map(({ id }) => signToken({ ...claims, node: id, issuedS }, seed, issuer.fleet)),
  );
  return { forged, tokens: [...before, forged.token, ...revocations] };
}

async function forgeIdle(
  fleet: RealNodes,
  { count, patterns }: LongRow,
): Promise<readonly string[]> {
  const { issuer } = fleet;
  const issuers = issuer.authorityView().root?.issuers ?? [];
  const robots = Array.from({ length: patterns }, (_, at) => `${"x".repeat(56)}-${at}-*`);
  const tokens: string[] = [];
  for (let at = 1; at < count; at += 1) {
    const change = {
      name: issuers.map((each) => ({ ...each, robots: [...each.robots, ...robots] })),
      charterKey: issuers[0]?.key,
    };
    const next = await nextRootStatement({ rootDir: steal(fleet), change, nowS: nowS() + at });
    tokens.push(next.token);
  }
  return tokens;
}

/** Whether a node holds that statement, and nobody is a member by it. */
export const isVoidBy =
  ({ id }: NextRoot) =>
  (node: PulsemeshNode): boolean =>
    node.authorityView().root?.id === id && node.authorityView().grants.length === 0;
