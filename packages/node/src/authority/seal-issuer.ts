/**
 * Seals an issuer's key where it is, in the data directory of the node that issues (rule ME6). One file takes the place of another, and the new one is opened
 * before it does: whoever is interrupted finds the key as it was, or sealed, and repeats the call.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type KeyId, PulsemeshError } from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { removeDraftsOf } from "../keys/drafts.ts";
import { withFolderClaim } from "../keys/folder-claim.ts";
import { readFileIfAny } from "../keys/private-file.ts";
import {
  isSealed,
  openKeyText,
  readSecretKey,
  secretKeyId,
  writeSecretText,
} from "../keys/secret-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { type FileChanges, privateFileChanges, refuseUnfinishedInit } from "./init-journal.ts";

export interface SealIssuerOptions {
  /** The data directory of the node; it may be running, and needs the passphrase at its next start. */
  readonly dir: string;
  readonly passphrase: string;
  /** How files are changed; for tests. @default the private-file way */
  readonly changes?: FileChanges | undefined;
}

export interface SealedIssuer {
  /** `present`: it was sealed before, with this passphrase. */
  readonly status: "sealed" | "present";
  readonly issuer: KeyId;
}

/**
 * @example
 * const { status } = await sealIssuer({ dir: "/var/lib/pulsemesh", passphrase });
 *
 * @throws PulsemeshError `data-dir-unusable` when no issuer's key is there or it is damaged; `passphrase-wrong` for one that another passphrase seals,
 * `option-invalid` for one that is too short or long, `data-dir-open`, `store-locked`
 */
export async function sealIssuer(options: SealIssuerOptions): Promise<SealedIssuer> {
  refuseWithoutKey(options.dir);
  refuseUnfinishedInit(options.dir);
  const dir = realpathSync(options.dir);
  // A new key may be on its way there: this one must not take its place.
  return withFolderClaim(dir, () => seal(join(dir, AUTHORITY_FILES.issuer), options));
}

async function seal(
  path: string,
  { passphrase, changes = privateFileChanges }: SealIssuerOptions,
): Promise<SealedIssuer> {
  const key = await readSecretKey(path, passphrase);
  const issuer = encodeBase32(key.publicKey);
  const isDone = isSealed(readFileIfAny(path) ?? "");
  if (!isDone) {
    const text = await writeSecretText(key, passphrase);
    // It takes the place of the only copy: so it is opened before.
    await openKeyText(text, passphrase, path);
    changes.write(path, text);
    await readSecretKey(path, passphrase);
  }
  // What a killed write has left may hold the key as it was.
  removeDraftsOf(path);
  return { status: isDone ? "present" : "sealed", issuer };
}

function refuseWithoutKey(dir: string): void {
  if (secretKeyId(join(dir, AUTHORITY_FILES.issuer)) !== undefined) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot find an issuer's key in ${dir}. Nothing was changed; name the folder of the node that issues.`,
  );
}
