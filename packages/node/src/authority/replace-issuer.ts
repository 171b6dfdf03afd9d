/**
 * A new issuer in place of another (rules ME1, ME2): its key is drawn into the folder of the node where it works, together with the root statement that
 * names it. Of the old one either everything stays (it ends in good order), or what is named (it is void, as its key was stolen).
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import {
  type Issuer,
  KEPT_MAX,
  type KeyId,
  PulsemeshError,
  type RootClaims,
  type StatementId,
} from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { readFleetPin } from "../keys/fleet-pin.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { readFileIfAny } from "../keys/private-file.ts";
import { isSealed, secretKeyId, writeSecretText } from "../keys/secret-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { ISSUER_LIFE_MS } from "./fleet-authority.ts";
import type { PlannedFile } from "./init-journal.ts";
import type { RootChange } from "./root-deed.ts";
import { readStatedRoots } from "./root-folder.ts";
import {
  type NextRoot,
  type NextRootOptions,
  type NodeFiles,
  signNextRoot,
} from "./root-statements.ts";

export interface ReplaceIssuerOptions extends Omit<NextRootOptions, "change" | "isStolen"> {
  /** The folder of the node with the issuer; that node goes on with the old key until it holds the statement. */
  readonly dir: string;
  /** Seals the new issuer's key; needed where the one in `dir` is sealed. @default it is not sealed */
  readonly issuerPassphrase?: string | undefined;
}

export interface RotateIssuerOptions extends ReplaceIssuerOptions {
  /** The issuer to replace, where its folder is lost. @default the one of `dir` */
  readonly replaces?: KeyId | undefined;
}

export interface ReplacedIssuer extends NextRoot {
  /** The issuer that the newest statement names and whose key is in the folder; undefined where there is none. */
  readonly issuer: KeyId | undefined;
}

/**
 * Draws a new issuer's key for the node of a folder in place of the one there, with the same bounds, for a year from now. What the old one signed stays.
 * @throws PulsemeshError `option-invalid` when the root does not name the issuer of that folder, and as `nextRootStatement`
 */
export async function rotateIssuer(options: RotateIssuerOptions): Promise<ReplacedIssuer> {
  const dir = openDataDir(options.dir, options.rootDir);
  const drop = options.replaces === undefined ? [] : [options.replaces];
  const asked = { ...options, change: { drop }, issuerDir: dir };
  const next = await signNextRoot(asked, async (current) => {
    const old = options.replaces ?? secretKeyId(join(dir, AUTHORITY_FILES.issuer));
    const bounds = current.issuers.find(({ key }) => key === old);
    if (old === undefined || bounds === undefined) {
      throw new PulsemeshError(
        "option-invalid",
        `Cannot replace the issuer in ${dir}: ${old === undefined ? "there is none" : `the root does not name ${old}`}. Nothing was changed; 'pulsemesh key show' says which keys are where.`,
      );
    }
    const drawn = await drawIssuer(dir, bounds, current, options);
    return { ...drawn, change: { ...drawn.change, drop: [old] } };
  });
  return withIssuer(next, dir);
}

export interface VoidIssuerOptions extends NextRootOptions {
  readonly key: KeyId;
  /** Ids of the statements of that key that stay; every other one counts nowhere any more. */
  readonly kept: readonly StatementId[];
  /** The folder of a node that gets a new issuer's key in its place. @default no other issuer is named */
  readonly dir?: string | undefined;
  /** As of {@link ReplaceIssuerOptions}. */
  readonly issuerPassphrase?: string | undefined;
}

/**
 * Makes an issuer void whose key was stolen.
 * @throws PulsemeshError `option-invalid` when the root never named it, or nobody would be left, and as `nextRootStatement`
 */
export async function voidIssuer(
  options: Omit<VoidIssuerOptions, "change" | "isStolen">,
): Promise<ReplacedIssuer> {
  const { key, kept, rootDir } = options;
  refuseTooMany(key, kept);
  const dir = options.dir === undefined ? undefined : openDataDir(options.dir, rootDir);
  const voids = [{ key, kept }];
  const next = await signNextRoot(
    { ...options, change: { voids }, issuerDir: dir },
    async (current) => {
      const bounds = boundsOf(rootDir, key);
      if (dir !== undefined) {
        const drawn = await drawIssuer(dir, bounds, current, options);
        return { ...drawn, change: { ...drawn.change, voids } };
      }
      const other = current.issuers.find((issuer) => issuer.key !== key);
      if (other === undefined) {
        throw new PulsemeshError(
          "option-invalid",
          `Cannot make ${key} void: nobody would be left who may issue. Nothing was changed; name the folder of the node that gets a new issuer's key: --data DIR`,
        );
      }
      if (current.charterKey !== key) return undefined;
      return { data: rootDir, files: [], change: { voids, charterKey: other.key } };
    },
  );
  return dir === undefined ? { ...next, issuer: undefined } : withIssuer(next, dir);
}

/** Whoever has a stolen key to answer reads how many, not that a claim is out of bounds. */
function refuseTooMany(key: KeyId, { length }: readonly StatementId[]): void {
  if (length <= KEPT_MAX) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot keep ${length} statements of ${key}: a root statement keeps ${KEPT_MAX}. Nothing was changed; take ${length - KEPT_MAX} out of the list, revocations last: whose grant is left out has to be granted membership anew.`,
  );
}

/** As the root named it last, whenever that was: a key that was dropped long ago may be stolen as well. */
function boundsOf(rootDir: string, key: KeyId): Issuer {
  const named = readStatedRoots(rootDir).flatMap(({ claims }) => claims.issuers);
  const bounds = named.findLast((issuer) => issuer.key === key);
  if (bounds !== undefined) return bounds;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot make ${key} void: the root has never named it as an issuer. Nothing was changed; 'pulsemesh grant list --json' shows who issues.`,
  );
}

async function drawIssuer(
  dir: string,
  { roles, robots, key: old }: Issuer,
  current: RootClaims,
  { nowS, issuerPassphrase }: Pick<RotateIssuerOptions, "nowS" | "issuerPassphrase">,
): Promise<NodeFiles & { readonly change: RootChange }> {
  const name = AUTHORITY_FILES.issuer;
  const held = secretKeyId(join(dir, name));
  if (held !== old && current.issuers.some((issuer) => issuer.key === held)) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot put a new issuer's key into ${dir}: ${held} is there, which the root names. Nothing was changed; leave --data out, or name another node's folder.`,
    );
  }
  const before = readFileIfAny(join(dir, name)) ?? null;
  if (before !== null && isSealed(before) && issuerPassphrase === undefined) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot draw a new issuer's key in the place of the one in ${dir}, which is sealed, without a passphrase that seals the new one. Nothing was changed; name a file that holds one, with --issuer-passphrase-file.`,
    );
  }
  const drawn = keyFromSeed(generateSeed());
  const key = encodeBase32(drawn.publicKey);
  const text = await writeSecretText(drawn, issuerPassphrase);
  const file: PlannedFile = { folder: "data", name, text, before };
  const expS = Math.floor(nowS) + ISSUER_LIFE_MS / 1_000;
  return {
    data: dir,
    files: [file],
    change: {
      name: [{ key, expS, roles, robots }],
      charterKey: current.charterKey === old ? key : undefined,
    },
  };
}

/** @throws PulsemeshError `fleet-mismatch` when the node is in another fleet than the root's */
function openDataDir(dir: string, rootDir: string): string {
  const fleet = readStatedRoots(rootDir)[0].claims.signer;
  const pin = readFleetPin(dir);
  if (pin === fleet) return realpathSync(dir);
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot make an issuer in ${dir}: ${pin === undefined ? "no node of a fleet is there" : `its node is in fleet ${pin}`}, and the root's keys are those of ${fleet}. Nothing was changed.`,
  );
}

function withIssuer(next: NextRoot, dir: string): ReplacedIssuer {
  return { ...next, issuer: secretKeyId(join(dir, AUTHORITY_FILES.issuer)) };
}
