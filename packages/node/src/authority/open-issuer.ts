/** Puts an issuer beside a node whose data directory has the key of one (rule ME7). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AuthorityView, FleetId, NodeId } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";
import { encodeBase32 } from "../keys/base32.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { createIssuer } from "./issuer.ts";
import { Issuing, type IssuingDeps } from "./issuing.ts";

export interface OpenIssuerOptions extends Omit<IssuingDeps, "issuer" | "key"> {
  readonly dir: string;
  readonly fleet: FleetId;
  /** Opens the key where it is sealed. */
  readonly passphrase: string | undefined;
  readonly logger: NodeLogger;
}

/**
 * The issuer at work; undefined where there is no key, or the root statement does not name it.
 * @throws PulsemeshError `passphrase-wrong`, `data-dir-unusable`, `data-dir-open`
 */
export async function openIssuer(options: OpenIssuerOptions): Promise<Issuing | undefined> {
  const { dir, fleet, self, passphrase, view, clock, logger } = options;
  const path = join(dir, AUTHORITY_FILES.issuer);
  if (!existsSync(path)) return undefined;
  const key = await readSecretKey(path, passphrase);
  const id = encodeBase32(key.publicKey);
  const bounds = view().root?.issuers.find((issuer) => issuer.key === id);
  if (bounds === undefined) {
    logger.warn({ key: id }, "the root statement does not name the issuer whose key is here");
    return undefined;
  }
  const issuer = createIssuer({
    dir,
    fleet,
    self,
    key,
    bounds,
    members: {
      grantOf: (node) => grantOf(view(), node)?.claims,
      isRevoked: (node) => view().revocations.some((revocation) => revocation.node === node),
    },
    now: () => clock.now(),
  });
  const issuing = new Issuing({ ...options, issuer, key: id });
  await issuing.start();
  return issuing;
}

function grantOf(
  { grants }: AuthorityView,
  node: NodeId,
): AuthorityView["grants"][number] | undefined {
  return grants.find((grant) => grant.node === node);
}
