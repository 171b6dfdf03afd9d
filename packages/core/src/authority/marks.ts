/**
 * What a node knows of the fleet's authority beyond the statements that it holds (rules ME1, ME3): as of when it knew who was revoked, and who gave way
 * last. Both are lost with the statements by which it knew, so they are on disk, in the commit of what has changed them.
 */
import type { StoreOp } from "../driver/store.ts";
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

/**
 * The row: also as of when it knew that as it was found astray (rule ME2), by whose word counts for nothing any more; 0 where no charter was news. In Unix
 * seconds.
 */
export interface KeptMarks extends Marks {
  readonly astrayNewsS: number | undefined;
}

/** Before anything was known. */
const NO_MARKS: KeptMarks = {
  newsS: 0,
  revocations: 0,
  gaveWay: undefined,
  astrayNewsS: undefined,
};

/** What stands in the row, and whether it is to be written anew. */
export class MarksRow {
  readonly #codec: CodecPort;
  #kept: KeptMarks = NO_MARKS;

  constructor(codec: CodecPort) {
    this.#codec = codec;
  }

  get kept(): KeptMarks {
    return this.#kept;
  }

  /** From the disk; false where it is damaged. */
  restore(bytes: Uint8Array): boolean {
    const marks = decodeMarks(this.#codec, bytes);
    this.#kept = marks ?? NO_MARKS;
    return marks !== undefined;
  }

  /** What is to be written, in the commit of what has changed them. */
  changed(marks: KeptMarks): readonly StoreOp[] {
    const { newsS, revocations, gaveWay, astrayNewsS } = this.#kept;
    const isSame =
      marks.newsS === newsS &&
      marks.gaveWay?.id === gaveWay?.id &&
      marks.astrayNewsS === astrayNewsS;
    // Where nothing is known it does not matter of how many revocations.
    if (isSame && (newsS === 0 || marks.revocations === revocations)) return [];
    this.#kept = marks;
    return [{ type: "put", key: MARKS_ROW, value: encodeMarks(this.#codec, marks) }];
  }
}

/** dag-cbor `[date, revocations, null or [date, id]]`, and as of when it knew who was revoked as it was found astray, where it was. */
function encodeMarks(codec: CodecPort, marks: KeptMarks): Uint8Array {
  const { newsS, revocations, gaveWay, astrayNewsS } = marks;
  const last = gaveWay === undefined ? null : [gaveWay.overS, gaveWay.id];
  const astray = astrayNewsS === undefined ? [] : [astrayNewsS];
  return codec.encode([newsS, revocations, last, ...astray]);
}

/** Undefined where the row is damaged. Never throws. */
function decodeMarks(codec: CodecPort, bytes: Uint8Array): KeptMarks | undefined {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [newsS, revocations, last, astrayNewsS] = value as readonly unknown[];
  if (!isIntegerIn(newsS, 0, SECONDS_MAX)) return undefined;
  if (!isIntegerIn(revocations, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  if (astrayNewsS !== undefined && !isIntegerIn(astrayNewsS, 0, SECONDS_MAX)) return undefined;
  if (last === null) return { newsS, revocations, gaveWay: undefined, astrayNewsS };
  if (!Array.isArray(last)) return undefined;
  const [overS, id] = last as readonly unknown[];
  // Its date may be that of an issue and a life on top.
  if (!isIntegerIn(overS, 0, 2 * SECONDS_MAX) || !isHashHex(id)) return undefined;
  return { newsS, revocations, gaveWay: { overS, id }, astrayNewsS };
}
