/** Keeps the last bytes of a stream that is passed through, for the diagnostics of a run. */

/** As much as a beat's message keeps (core's limit), in bytes. */
export const OUTPUT_TAIL_BYTES_MAX: number = 10_000;

export interface OutputTail {
  readonly push: (part: Uint8Array) => void;
  /** The kept end as text; a character that was cut in two is left out. */
  readonly text: () => string;
}

/** A buffer that never holds more than twice the limit. */
export function outputTail(bytesMax: number = OUTPUT_TAIL_BYTES_MAX): OutputTail {
  let kept: Buffer = Buffer.alloc(0);
  return {
    push: (part) => {
      const end = part.subarray(Math.max(0, part.length - bytesMax));
      kept = Buffer.concat([kept.subarray(Math.max(0, kept.length + end.length - bytesMax)), end]);
    },
    text: () => {
      let start = 0;
      while (start < kept.length && ((kept[start] ?? 0) & 0xc0) === 0x80) start++;
      return kept.subarray(start).toString("utf8");
    },
  };
}
