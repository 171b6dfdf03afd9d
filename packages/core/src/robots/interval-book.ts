/**
 * The newest samples of every hosted robot, in blocks of memory that many robots share: 280 bytes a robot, whatever it does.
 *
 * A ring of the newest samples is kept, and the medians of the rings before, for what changes slowly. Everything that is said of a robot
 * is worked out from these when somebody asks, exactly. The rejected alternative was a histogram with forgetting, or a quantile sketch: it
 * takes as much room, is coarse just where a regular robot's samples lie, and "the last 60 beats" needs no explanation.
 */

import { sortNumbers } from "./regularity-figures.ts";

/** Samples of one robot: enough for its quartiles, and few enough to follow it. */
export const SAMPLES_MAX: number = 60;
/** Medians of a whole ring each, so the long run is 240 samples. */
export const RING_MEDIANS_MAX: number = 4;

const ROBOTS_PER_BLOCK = 64;
const WORDS = 70;
/** Words of one robot; the anchor is a double and takes two, and so begins at an even word. */
const ANCHOR = 0;
const COUNTS = 2;
/** Two dates of 16 bits. */
const DONE = 3;
const LATE = 4;
const SAMPLES = 6;
const MEDIANS = 66;
/** Dates are seconds modulo this, so one that is never renewed comes round after 18 h, and may delay what is due by its pause. */
const DATE_RANGE = 0xff_ff;
const NEVER = 0xff_ff;
/** A page is the counts and everything from the late bits on. */
const PAGE_WORDS = WORDS - LATE + 1;
/** Bytes of a page. */
export const PAGE_BYTES: number = PAGE_WORDS * 4;

interface Block {
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
  readonly integers: Uint32Array;
}

interface Counts {
  /** Where the next sample goes. */
  head: number;
  samples: number;
  /** Samples since the last median. */
  fresh: number;
  medianHead: number;
  medians: number;
}

export class IntervalBook {
  readonly #blocks: Block[] = [];
  readonly #free: number[] = [];
  #opened = 0;

  /** A place for one robot; give it back with {@link close}. */
  open(): number {
    const place = this.#free.pop() ?? this.#opened++;
    if (place >= this.#blocks.length * ROBOTS_PER_BLOCK) {
      const bytes = new ArrayBuffer(ROBOTS_PER_BLOCK * WORDS * Float32Array.BYTES_PER_ELEMENT);
      this.#blocks.push({
        floats: new Float32Array(bytes),
        doubles: new Float64Array(bytes),
        integers: new Uint32Array(bytes),
      });
    }
    this.clear(place);
    return place;
  }

  close(place: number): void {
    this.#free.push(place);
  }

  /** Forgets everything about the robot at a place. */
  clear(place: number): void {
    const at = wordOf(place);
    const { integers } = this.#block(place);
    integers.fill(0, at, at + WORDS);
    integers[at + DONE] = NEVER | (NEVER << 16);
    this.setAnchor(place, undefined);
  }

  /** Takes a sample; the oldest one makes room. */
  push(place: number, sampleMs: number, isLate: boolean): void {
    const { floats, integers } = this.#block(place);
    const at = wordOf(place);
    const counts = this.#counts(place);
    const { head } = counts;
    floats[at + SAMPLES + head] = sampleMs;
    const late = at + LATE + (head >> 5);
    const bit = 1 << (head & 31);
    integers[late] = isLate ? (integers[late] ?? 0) | bit : (integers[late] ?? 0) & ~bit;
    counts.head = (head + 1) % SAMPLES_MAX;
    counts.samples = Math.min(counts.samples + 1, SAMPLES_MAX);
    counts.fresh += 1;
    if (counts.fresh === SAMPLES_MAX) {
      counts.fresh = 0;
      floats[at + MEDIANS + counts.medianHead] = middleOf(this.samples(place, counts));
      counts.medianHead = (counts.medianHead + 1) % RING_MEDIANS_MAX;
      counts.medians = Math.min(counts.medians + 1, RING_MEDIANS_MAX);
    }
    this.#setCounts(place, counts);
  }

  count(place: number): number {
    return this.#counts(place).samples;
  }

  /** A copy, oldest first. */
  samples(place: number, { head, samples }: Readonly<Counts> = this.#counts(place)): number[] {
    const { floats } = this.#block(place);
    const begin = wordOf(place) + SAMPLES;
    const copy: number[] = [];
    let index = (head - samples + SAMPLES_MAX) % SAMPLES_MAX;
    for (let taken = 0; taken < samples; taken += 1) {
      copy.push(floats[begin + index] ?? 0);
      index = index + 1 === SAMPLES_MAX ? 0 : index + 1;
    }
    return copy;
  }

  /** Medians of the rings before, oldest first. */
  ringMedians(place: number): number[] {
    const { floats } = this.#block(place);
    const begin = wordOf(place) + MEDIANS;
    const { medianHead, medians } = this.#counts(place);
    const oldest = medianHead - medians + RING_MEDIANS_MAX;
    return Array.from(
      { length: medians },
      (_, age) => floats[begin + ((oldest + age) % RING_MEDIANS_MAX)] ?? 0,
    );
  }

  lateCount(place: number): number {
    const { integers } = this.#block(place);
    const at = wordOf(place) + LATE;
    return bitsOf(integers[at] ?? 0) + bitsOf(integers[at + 1] ?? 0);
  }

  /** The greatest sample of at most `mostMs`; 0 for none. */
  greatestMs(place: number, mostMs: number): number {
    const { floats } = this.#block(place);
    const begin = wordOf(place) + SAMPLES;
    const end = begin + this.#counts(place).samples;
    let greatest = 0;
    for (let at = begin; at < end; at += 1) {
      const sample = floats[at] ?? 0;
      if (sample > greatest && sample <= mostMs) greatest = sample;
    }
    return greatest;
  }

  /** The arrival that the next sample is measured from. */
  anchorMonoMs(place: number): number | undefined {
    const anchor = this.#block(place).doubles[(wordOf(place) + ANCHOR) / 2] ?? Number.NaN;
    return Number.isNaN(anchor) ? undefined : anchor;
  }

  setAnchor(place: number, monoMs: number | undefined): void {
    this.#block(place).doubles[(wordOf(place) + ANCHOR) / 2] = monoMs ?? Number.NaN;
  }

  /** Of every place. */
  dropAnchors(): void {
    for (let place = 0; place < this.#opened; place += 1) this.setAnchor(place, undefined);
  }

  /** How long ago something was done for this robot, on a clock of seconds; Infinity for never. */
  secondsSince(place: number, what: "said" | "written", nowSeconds: number): number {
    const date = (this.#done(place) >>> shiftOf(what)) & 0xff_ff;
    if (date === NEVER) return Infinity;
    return (((nowSeconds - date) % DATE_RANGE) + DATE_RANGE) % DATE_RANGE;
  }

  /** It is done now. */
  setDone(place: number, what: "said" | "written", nowSeconds: number): void {
    const shift = shiftOf(what);
    const others = this.#done(place) & ~(0xff_ff << shift);
    this.#block(place).integers[wordOf(place) + DONE] =
      others | ((Math.max(0, nowSeconds) % DATE_RANGE) << shift);
  }

  /** Everything about a robot but the dates, to be kept: {@link PAGE_BYTES} little-endian bytes. */
  page(place: number): Uint8Array {
    const { integers } = this.#block(place);
    const at = wordOf(place);
    const bytes = new Uint8Array(PAGE_BYTES);
    const view = new DataView(bytes.buffer);
    for (let word = 0; word < PAGE_WORDS; word += 1)
      view.setUint32(word * 4, integers[at + pageWord(word)] ?? 0, true);
    return bytes;
  }

  /** Puts a page back; returns false, and changes nothing, when it is none. */
  setPage(place: number, bytes: Uint8Array): boolean {
    if (!isPage(bytes)) return false;
    const { integers } = this.#block(place);
    const at = wordOf(place);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let word = 0; word < PAGE_WORDS; word += 1)
      integers[at + pageWord(word)] = view.getUint32(word * 4, true);
    return true;
  }

  #done(place: number): number {
    return this.#block(place).integers[wordOf(place) + DONE] ?? 0;
  }

  #counts(place: number): Counts {
    return unpack(this.#block(place).integers[wordOf(place) + COUNTS] ?? 0);
  }

  #setCounts(place: number, { head, samples, fresh, medianHead, medians }: Counts): void {
    this.#block(place).integers[wordOf(place) + COUNTS] =
      head | (samples << 6) | (fresh << 12) | (medianHead << 18) | (medians << 21);
  }

  #block(place: number): Block {
    return this.#blocks[Math.floor(place / ROBOTS_PER_BLOCK)] as Block;
  }
}

function wordOf(place: number): number {
  return (place % ROBOTS_PER_BLOCK) * WORDS;
}

function shiftOf(what: "said" | "written"): number {
  return what === "said" ? 0 : 16;
}

function bitsOf(word: number): number {
  let rest = word;
  let bits = 0;
  for (; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}

/** Which of a robot's words is that of a page. */
function pageWord(word: number): number {
  return word === 0 ? COUNTS : LATE + word - 1;
}

/** Whether bytes are a page: counts that hang together, and numbers that are some. */
export function isPage(bytes: Uint8Array): boolean {
  if (bytes.length !== PAGE_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { head, samples, fresh, medianHead, medians } = unpack(view.getUint32(0, true));
  const isWhole =
    samples <= SAMPLES_MAX &&
    head === (samples < SAMPLES_MAX ? samples : head % SAMPLES_MAX) &&
    fresh < SAMPLES_MAX &&
    medians <= RING_MEDIANS_MAX &&
    medianHead === (medians < RING_MEDIANS_MAX ? medians : medianHead % RING_MEDIANS_MAX);
  if (!isWhole) return false;
  for (let word = SAMPLES - LATE + 1; word < PAGE_WORDS; word += 1)
    if (!Number.isFinite(view.getFloat32(word * 4, true))) return false;
  return true;
}

function unpack(packed: number): Counts {
  return {
    head: packed & 63,
    samples: (packed >> 6) & 63,
    fresh: (packed >> 12) & 63,
    medianHead: (packed >> 18) & 7,
    medians: (packed >> 21) & 7,
  };
}

/** The upper of two middles: one of the samples, so it needs no rule of its own for ties. */
function middleOf(samples: number[]): number {
  return sortNumbers(samples)[samples.length >> 1] ?? 0;
}
