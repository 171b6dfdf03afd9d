/**
 * Signs statements of the fleet's authority (rules ME1, ME6): compact JWS by jose. What is handed out was read back as every other node reads it, so that
 * nobody carries a statement around that no node will take.
 */
import { CompactSign } from "jose";
import {
  type Claims,
  type FleetId,
  GRANT_LENGTH_MAX,
  PulsemeshError,
  readClaims,
  STATEMENT_LENGTH_MAX,
  TOKEN_TYPES,
  writeClaims,
} from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { privateKeyFromSeed, rawPublicKey } from "../keys/ed25519.ts";
import { TOKEN_ALGORITHM, tokenPort } from "../ports/tokens.ts";

/**
 * The statement as a token.
 * @param seed the secret of `claims.signer`, 32 bytes
 * @throws PulsemeshError `statement-malformed` when no node would take it, `statement-oversized`
 */
export async function signToken(claims: Claims, seed: Uint8Array, fleet: FleetId): Promise<string> {
  if (encodeBase32(rawPublicKey(seed)) !== claims.signer)
    throw malformed(claims, "it names another key than the one that it is signed with");
  const payload = new TextEncoder().encode(JSON.stringify(writeClaims(claims, fleet)));
  const token = await new CompactSign(payload)
    .setProtectedHeader({
      alg: TOKEN_ALGORITHM,
      typ: TOKEN_TYPES[claims.kind],
      kid: claims.signer,
    })
    .sign(privateKeyFromSeed(seed));
  const lengthMax = claims.kind === "grant" ? GRANT_LENGTH_MAX : STATEMENT_LENGTH_MAX;
  if (token.length > lengthMax) {
    throw new PulsemeshError(
      "statement-oversized",
      `Cannot sign this ${claims.kind}: it has ${token.length} characters, and at most ${lengthMax} are sent.`,
    );
  }
  const read = tokenPort.read(token);
  if (read === undefined || !readClaims(read, fleet).ok)
    throw malformed(claims, "one of its claims is out of bounds");
  return token;
}

function malformed({ kind }: Claims, why: string): PulsemeshError {
  return new PulsemeshError("statement-malformed", `Cannot sign this ${kind}: ${why}.`);
}
