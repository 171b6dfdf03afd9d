/** Puts an issuer beside a node whose data directory has the key of one (rule ME7). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AuthorityView, FleetId, Issuer as IssuerBounds, NodeId } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";
import { encodeBase32 } from "../keys/base32.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { createIssuer } from "./issuer.ts";
import { Issuing, type IssuingDeps } from "./issuing.ts";
import { remember } from "./remembered.ts";

export interface OpenIssuerOptions extends Omit<IssuingDeps, "issuer" | "key" | "remember"> {
  readonly dir: string;
  readonly fleet: FleetId;
  /** The node is in a private network. */
  readonly isPrivate: boolean;
  /** Opens the key where it is sealed. */
  readonly passphrase: string | undefined;
  readonly logger: NodeLogger;
}

/**
 * That the key can be opened, if one is there: before a node listens, begins a boot and is missed when it ends again.
 * @throws PulsemeshError as {@link openIssuer}
 */
export async function checkIssuerKey(dir: string, passphrase: string | undefined): Promise<void> {
  const path = join(dir, AUTHORITY_FILES.issuer);
  if (existsSync(path)) await readSecretKey(path, passphrase);
}

/**
 * The key that is here, where the root statement names it; undefined otherwise, which the log says where there is one.
 * @throws PulsemeshError as {@link openIssuer}
 */
export async function issuerKeyHere({
  dir,
  passphrase,
  view,
  logger,
}: Pick<OpenIssuerOptions, "dir" | "passphrase" | "view" | "logger">): Promise<string | undefined> {
  const path = join(dir, AUTHORITY_FILES.issuer);
  if (!existsSync(path)) return undefined;
  // Opened, as one that cannot be is to end the start, whoever is named.
  const key = encodeBase32((await readSecretKey(path, passphrase)).publicKey);
  if (view().root?.issuers.some((issuer) => issuer.key === key) === true) return key;
  logger.warn({ key }, "the root statement does not name the issuer whose key is here");
  return undefined;
}

/**
 * The issuer at work; undefined where there is no key, or the root statement does not name it.
 * @throws PulsemeshError `passphrase-wrong`, `data-dir-unusable`, `data-dir-open`
 */
export async function openIssuer(options: OpenIssuerOptions): Promise<Issuing | undefined> {
  const { dir, fleet, self, isPrivate, passphrase, view, clock } = options;
  const path = join(dir, AUTHORITY_FILES.issuer);
  if (!existsSync(path)) return undefined;
  const key = await readSecretKey(path, passphrase);
  const id = encodeBase32(key.publicKey);
  const named = (): IssuerBounds | undefined =>
    view().root?.issuers.find((issuer) => issuer.key === id);
  const first = named();
  if (first === undefined) return undefined;
  let last = first;
  const issuer = createIssuer({
    dir,
    fleet,
    self,
    isPrivate,
    key,
    // The root may say something else of the same key while the node runs.
    get bounds() {
      last = named() ?? last;
      return last;
    },
    members: {
      grantOf: (node) => grantOf(view(), node)?.claims,
      isRevoked: (node) => view().revocations.some((revocation) => revocation.node === node),
    },
    now: () => clock.now(),
  });
  const issuing = new Issuing({
    ...options,
    issuer,
    key: id,
    remember: (token) => remember(dir, { fleet, self }, view().enrolment, token),
  });
  await issuing.start();
  return issuing;
}

function grantOf(
  { grants }: AuthorityView,
  node: NodeId,
): AuthorityView["grants"][number] | undefined {
  return grants.find((grant) => grant.node === node);
}
