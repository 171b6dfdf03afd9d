/**
 * Reads the tokens of the fleet's authority (rule ME1): compact JWS (RFC 7515) signed with Ed25519 (RFC 9864), and nothing else. jose takes them
 * apart; the signature is checked by `node:crypto`, because core asks synchronously and jose can only be awaited (ADR 0025).
 */
import { verify } from "node:crypto";
import { base64url, decodeProtectedHeader } from "jose";
import { isKeyId, type KeyId, type ReadToken, type TokenPort } from "@pulsemesh/core";
import { decodeBase32 } from "../keys/base32.ts";
import { PUBLIC_KEY_BYTES, publicKeyFromRaw } from "../keys/ed25519.ts";

/** The one algorithm. */
export const TOKEN_ALGORITHM: string = "Ed25519";

/** Longest token looked at, in characters: more than any statement may have. */
export const JWS_LENGTH_MAX: number = 32 * 1024;

/** Longest header of which the key is looked for without a look at the rest, in characters: ours have some 180. */
export const HEADER_LENGTH_MAX: number = 512;

/** Levels of lists and maps in a token: statements have four, later ones may have more. */
export const TOKEN_DEPTH_MAX: number = 16;

export const tokenPort: TokenPort = {
  read(token: string): ReadToken | undefined {
    try {
      return readToken(token);
    } catch {
      // Whatever a decoder throws at: it is no token.
      return undefined;
    }
  },
  signerOf(token: string): KeyId | undefined {
    const end = token.indexOf(".");
    if (end <= 0 || end > HEADER_LENGTH_MAX) return undefined;
    try {
      const { kid } = JSON.parse(Buffer.from(token.slice(0, end), "base64url").toString()) as {
        readonly kid?: unknown;
      };
      return isKeyId(kid) ? kid : undefined;
    } catch {
      return undefined;
    }
  },
};

function readToken(token: string): ReadToken | undefined {
  if (token.length > JWS_LENGTH_MAX) return undefined;
  const [header = "", payload = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0 || ![header, payload, signature].every(isCanonical)) return undefined;
  const { alg, kid, typ, ...others } = decodeProtectedHeader(token);
  if (alg !== TOKEN_ALGORITHM || Object.keys(others).length > 0) return undefined;
  if (!isKeyId(kid) || typeof typ !== "string") return undefined;
  const key = publicKeyOfId(kid);
  if (key === undefined) return undefined;
  const signed = Buffer.from(`${header}.${payload}`, "ascii");
  if (!verify(null, signed, publicKeyFromRaw(key), base64url.decode(signature))) return undefined;
  parseStrictly(header);
  return { type: typ, signer: kid, claims: parseStrictly(payload) };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Base64url as it is written by who signs: a second spelling of the same bytes would be a second id of one statement. */
function isCanonical(part: string): boolean {
  return part.length > 0 && base64url.encode(base64url.decode(part)) === part;
}

/** JSON as `JSON.stringify` writes it: of a key that stands there twice this parser shows the last one, another reader the first. */
function parseStrictly(part: string): unknown {
  const text = UTF8.decode(base64url.decode(part));
  if (depthOf(text) > TOKEN_DEPTH_MAX) throw new RangeError("nested too deep");
  const value: unknown = JSON.parse(text);
  if (JSON.stringify(value) !== text) throw new SyntaxError("not the form in which it was signed");
  return value;
}

/**
 * How deep a text of JSON is nested. What is very deep runs some versions of the engine out of stack and others not: who has stolen an issuer's key could
 * sign what one half of the fleet takes for a statement, and the other half for none.
 */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(STRINGS_AND_BRACKETS)) {
    if (bracket === "[" || bracket === "{") deepest = Math.max(deepest, ++depth);
    else if (bracket === "]" || bracket === "}") depth--;
  }
  return deepest;
}

/** Strings are matched whole, so that brackets in them are none. */
const STRINGS_AND_BRACKETS = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;

/** The raw public key that an id of the authority is, undefined when it is spelled in another way than ours. */
function publicKeyOfId(id: KeyId): Uint8Array | undefined {
  const raw = decodeBase32(id);
  return raw?.length === PUBLIC_KEY_BYTES ? raw : undefined;
}
