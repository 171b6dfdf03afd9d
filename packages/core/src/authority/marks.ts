/**
 * What a node knows of the fleet's authority beyond the statements that it holds (rules ME1, ME3): as of when it knew who was revoked, and who gave way
 * last. Both are lost with the statements by which it knew, so they are on disk, in the commit of what has changed them.
 */
import type { CodecPort } from "../ports.ts";
import { isIntegerIn } from "../wire/fields.ts";
import { isHashHex } from "../wire/hex.ts";
import type { GaveWay } from "./grant-set.ts";
import { SECONDS_MAX } from "./limits.ts";

/** Its row; beside those of statements, not among them. */
export const MARKS_ROW = "authority-marks";

export interface Marks {
  /** Date of the newest charter of which all was here; 0 for none. In Unix seconds. */
  readonly newsS: number;
  /** Revocations that were held with it, counting or set aside: with fewer on disk it is not known any more who was revoked. */
  readonly revocations: number;
  readonly gaveWay: GaveWay | undefined;
}

/** Before anything was known. */
export const NO_MARKS: Marks = { newsS: 0, revocations: 0, gaveWay: undefined };

/** dag-cbor `[date, revocations, null or [date, id]]`. */
export function encodeMarks(codec: CodecPort, { newsS, revocations, gaveWay }: Marks): Uint8Array {
  const last = gaveWay === undefined ? null : [gaveWay.overS, gaveWay.id];
  return codec.encode([newsS, revocations, last]);
}

/** Undefined where the row is damaged. Never throws. */
export function decodeMarks(codec: CodecPort, bytes: Uint8Array): Marks | undefined {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [newsS, revocations, last] = value as readonly unknown[];
  if (!isIntegerIn(newsS, 0, SECONDS_MAX)) return undefined;
  if (!isIntegerIn(revocations, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  if (last === null) return { newsS, revocations, gaveWay: undefined };
  if (!Array.isArray(last)) return undefined;
  const [overS, id] = last as readonly unknown[];
  // Its date may be that of an issue and a life on top.
  if (!isIntegerIn(overS, 0, 2 * SECONDS_MAX) || !isHashHex(id)) return undefined;
  return { newsS, revocations, gaveWay: { overS, id } };
}
