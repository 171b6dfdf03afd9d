/**
 * What answers the theft of a root's key (rules ME2, ME6): statements by the committed next key that take the place of everything that the stolen key has
 * ever signed, and say all of it again, so that the same grants and revocations count as before.
 *
 * Intuition: whatever is said anew is dated anew, and an issuer that ended long ago must not end today. A statement that names an issuer no more ends it by
 * its own date, so each issuer that is over gets a statement that names it beside those of now, and the next one is dated when it ended. Turned down: to
 * sign the history once more as it was, as members would part from each other at every place of it where the issuers of now were not named yet.
 *
 * The row is meant to be judged as a whole, and is handed over so; but a peer may hand on its beginning alone. Then all issuers of now are named, and of
 * who is void nothing counts that is not kept, from the first statement on: it makes void all that will be, and where a list has no room there, it is
 * empty until the issuer's own statement comes. Meanwhile less may count than before, and nothing that a thief has signed. An issuer that only ended, and
 * was never made void, counts until now at such a place.
 */
import {
  type Issuer,
  ISSUERS_MAX,
  PulsemeshError,
  type RootClaims,
  RootChain,
  ROOTS_MAX,
  type VoidIssuer,
} from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { type Ed25519Key, keyFromSeed } from "../keys/key-file.ts";
import { hashOfKey, type StatedRoot, statedRoot, type StatedRoots } from "./root-folder.ts";
import { signToken } from "./sign-token.ts";

/** Kept statements of void issuers in the first statement, beside those of the first one that is void. */
const KEPT_AT_ONCE = 32;

/** What a root statement says, but for its place and its signer. */
export type RootWords = Pick<RootClaims, "charterKey" | "issuers" | "voids" | "issuedS">;

/** An issuer that is named no more, or void. */
interface PastIssuer {
  readonly issuer: Issuer | undefined;
  readonly endS: number;
  readonly voided: VoidIssuer | undefined;
  /** Whether statements that stay have named it: it would count before its own turn. */
  readonly isNamedBelow: boolean;
}

/** The first statement that the key of the newest one has signed. */
export function reignOf(own: StatedRoots): StatedRoot {
  const { signer } = (own.at(-1) ?? own[0]).claims;
  return own.find(({ claims }) => claims.signer === signer) ?? own[0];
}

/**
 * What is said upon the statement that brought the stolen key, in this order.
 * @param nowS Unix seconds
 */
export function theftAnswer(own: StatedRoots, nowS: number): readonly [RootWords, ...RootWords[]] {
  const { charterKey, issuers, issuedS } = (own.at(-1) ?? own[0]).claims;
  const atS = Math.max(Math.floor(nowS), issuedS);
  const past = pastIssuers(own);
  const said = past.map(({ issuer, voided }, at): RootWords => {
    const named = issuer === undefined ? issuers : [...issuers, issuer];
    const dateS = past[at - 1]?.endS ?? atS;
    const its = voided === undefined ? [] : [voided];
    const voids = at === 0 ? [...its, ...voidsAtOnce(past)] : its;
    return { charterKey, issuers: named, voids, issuedS: dateS };
  });
  const last = { charterKey, issuers, voids: [], issuedS: past.at(-1)?.endS ?? atS };
  const [first, ...others] = [...said, last];
  return [first ?? last, ...others];
}

/** Those behind the first one that would count meanwhile: with what is kept of them where that has room in its statement too, else with nothing. */
function voidsAtOnce([, ...others]: readonly PastIssuer[]): readonly VoidIssuer[] {
  let room = KEPT_AT_ONCE;
  return others.filter(isOpenMeanwhile).map(({ voided: { key, kept } }) => {
    if (kept.length > room) return { key, kept: [] };
    room -= kept.length;
    return { key, kept };
  });
}

function isOpenMeanwhile(past: PastIssuer): past is PastIssuer & { readonly voided: VoidIssuer } {
  return past.voided !== undefined && past.isNamedBelow;
}

/** Of whom the statements say something that falls with the stolen key's, or that those would end anew; who is void comes first. */
function pastIssuers(own: StatedRoots): readonly PastIssuer[] {
  const base = reignOf(own);
  const later = own.slice(base.claims.number);
  const named = [base, ...later].flatMap(({ claims }) => claims.issuers.map(({ key }) => key));
  const voided = later.flatMap(({ claims }) => claims.voids.map(({ key }) => key));
  const current = new Set(own.at(-1)?.claims.issuers.map(({ key }) => key));
  const fleet = own[0].claims.signer;
  const { signers } = new RootChain(fleet, own, hashOfKey);
  const below = new RootChain(fleet, own.slice(0, base.claims.number), hashOfKey).signers;
  return [...new Set([...voided, ...named])].flatMap((key): readonly PastIssuer[] => {
    const signer = signers.get(key);
    if (signer === undefined || current.has(key)) return [];
    const kept = voided.includes(key) ? signer.kept : undefined;
    const { issuer, untilS: endS } = signer;
    const isNamedBelow = below.has(key);
    return [{ issuer, endS, voided: kept && { key, kept: [...kept] }, isNamedBelow }];
  });
}

/** Puts signed statements with these words upon `base`, one upon the other; the whole row, from number 1 on. */
export async function signUponBase(
  own: StatedRoots,
  base: StatedRoot,
  words: readonly RootWords[],
  signer: Ed25519Key,
  nextRootHash: string,
): Promise<StatedRoots> {
  const roots: StatedRoot[] = own.slice(0, base.claims.number);
  for (const said of words) {
    const previous = roots.at(-1) ?? base;
    const claims: RootClaims = {
      kind: "root",
      number: previous.claims.number + 1,
      previous: previous.id,
      signer: encodeBase32(signer.publicKey),
      nextRootHash,
      ...said,
    };
    roots.push(statedRoot(await signToken(claims, signer.seed, own[0].claims.signer), claims));
  }
  return roots as unknown as StatedRoots;
}

/**
 * Whoever signs a statement may have to answer the theft of that key tomorrow: what cannot be said again is not said at all.
 * @throws PulsemeshError `option-invalid`
 */
export async function refuseUnanswerable(own: StatedRoots): Promise<void> {
  const words = theftAnswer(own, 0);
  const base = reignOf(own);
  const spare = keyFromSeed(generateSeed());
  const lengthOf = (said: RootWords): number => JSON.stringify(said).length;
  const [longest] = words.toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const mostIssuers = Math.max(
    ...words.map(({ issuers, voids }) => Math.max(issuers.length, voids.length)),
  );
  try {
    if (base.claims.number + words.length > ROOTS_MAX || mostIssuers > ISSUERS_MAX)
      throw new PulsemeshError("statement-malformed", "it would take too much");
    if (longest !== undefined)
      await signUponBase(own, base, [longest], spare, base.claims.nextRootHash);
  } catch (cause) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot sign this root statement: should the root's key be stolen, nobody could answer it (${cause instanceof Error ? cause.message : String(cause)}). Nothing was changed; keep fewer statements, name fewer than ${ISSUERS_MAX} issuers, or rotate the root first.`,
      { cause },
    );
  }
}
