/**
 * One word that a person copies from one machine to another: a prefix that says what it is, and base64url of dag-cbor. There is one spelling of each,
 * so that what was cut or changed on the way is nothing instead of something else.
 */
import { dagCborCodec } from "@pulsemesh/core";

/** The word for a value. */
export function writePasted(prefix: string, value: unknown): string {
  return prefix + Buffer.from(dagCborCodec.encode(value)).toString("base64url");
}

/** The map that a word holds, blanks around it aside; undefined for anything that {@link writePasted} does not write. Never throws. */
export function readPasted(
  prefix: string,
  text: string,
  lengthMax: number,
): Readonly<Record<string, unknown>> | undefined {
  // What is far too long is not even copied.
  if (text.length > 2 * lengthMax) return undefined;
  const word = text.trim();
  if (word.length > lengthMax || !word.startsWith(prefix)) return undefined;
  try {
    const value: unknown = dagCborCodec.decode(
      new Uint8Array(Buffer.from(word.slice(prefix.length), "base64url")),
    );
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return writePasted(prefix, value) === word
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    // No CBOR, or more than one value of it.
    return undefined;
  }
}
