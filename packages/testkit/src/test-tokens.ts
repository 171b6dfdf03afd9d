/**
 * Tokens of the fleet's authority for tests that are about what they say: JSON with a keyed hash in the place of a signature. Whoever has the port can
 * read them; only {@link signTestToken} makes them, as nobody in a test computes another key's hash.
 */
import { createHash } from "node:crypto";
import type { KeyId, ReadToken, TokenPort } from "@pulsemesh/core";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** Base32 characters of 32 bytes. */
const KEY_ID_LENGTH = 52;

/** A key of the authority, the same for the same name; the first root's is the fleet id. */
export function testKey(name: string): KeyId {
  const bytes = createHash("sha512").update(`authority key ${name}`).digest();
  return Array.from(bytes.subarray(0, KEY_ID_LENGTH), (byte) => ALPHABET[byte & 31]).join("");
}

/** A token of `type` with these claims, as `signer` would sign it. */
export function signTestToken({ type, signer, claims }: ReadToken): string {
  const text = JSON.stringify({ type, signer, claims });
  return JSON.stringify([text, macOf(signer, text)]);
}

export const testTokens: TokenPort = {
  read(token: string): ReadToken | undefined {
    try {
      const [text, mac] = JSON.parse(token) as readonly [string, string];
      const read = JSON.parse(text) as ReadToken;
      const isSame = JSON.stringify([text, mac]) === token;
      return isSame && macOf(read.signer, text) === mac ? read : undefined;
    } catch {
      return undefined;
    }
  },
  signerOf(token: string): KeyId | undefined {
    try {
      const [text] = JSON.parse(token) as readonly [string];
      return (JSON.parse(text) as ReadToken).signer;
    } catch {
      return undefined;
    }
  },
};

function macOf(signer: KeyId, text: string): string {
  return createHash("sha256").update(`secret of ${signer}/`).update(text).digest("base64url");
}
