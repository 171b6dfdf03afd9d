import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  IntervalBook,
  isPage,
  PAGE_BYTES,
  RING_MEDIANS_MAX,
  SAMPLES_MAX,
} from "./interval-book.ts";

const samples = fc.array(
  fc.record({ ms: fc.integer({ min: -100_000, max: 1_000_000 }), isLate: fc.boolean() }),
  { maxLength: 4 * SAMPLES_MAX },
);

describe("IntervalBook", () => {
  test("RG6 when something was done is known for each robot and each thing, also over the end of its range", () => {
    const book = new IntervalBook();
    const [place, other] = [book.open(), book.open()];
    expect(book.secondsSince(place, "said", 0)).toBe(Infinity);
    for (const nowSeconds of [0, 65_534, 65_535, 65_536, 4_000_000]) {
      book.setDone(place, "said", nowSeconds);
      book.setDone(place, "written", nowSeconds + 100);
      expect(book.secondsSince(place, "said", nowSeconds + 59)).toBe(59);
      expect(book.secondsSince(place, "written", nowSeconds + 400)).toBe(300);
    }
    expect(book.secondsSince(other, "said", 70_000)).toBe(Infinity);
  });

  test("RG6 P6 of any number of samples the newest SAMPLES_MAX are kept, in order, with what was late", () => {
    fc.assert(
      fc.property(samples, (given) => {
        const book = new IntervalBook();
        const [place, other] = [book.open(), book.open()];
        for (const { ms, isLate } of given) {
          book.push(place, ms, isLate);
          book.push(other, 7, false);
        }
        const kept = given.slice(-SAMPLES_MAX);
        expect([...book.samples(place)]).toEqual(kept.map(({ ms }) => ms));
        expect(book.lateCount(place)).toBe(kept.filter(({ isLate }) => isLate).length);
        expect(book.lateCount(other)).toBe(0);
        const most = kept.filter(({ ms }) => ms <= 500_000).map(({ ms }) => ms);
        expect(book.greatestMs(place, 500_000)).toBe(Math.max(0, ...most));
      }),
    );
  });

  test("RG6 P6 the medians of the last RING_MEDIANS_MAX full rings are kept", () => {
    const book = new IntervalBook();
    const place = book.open();
    const rings = RING_MEDIANS_MAX + 3;
    for (let ring = 1; ring <= rings; ring += 1) {
      for (let sample = 0; sample < SAMPLES_MAX; sample += 1)
        book.push(place, ring * 1_000 + (sample % 3), false);
    }
    const medians = [...book.ringMedians(place)].toSorted((a, b) => a - b);
    expect(medians).toEqual([4, 5, 6, 7].map((ring) => ring * 1_000 + 1));
    expect(book.ringMedians(place)).toEqual(medians);
  });

  test("RG6 a page that is put back says the same, and goes on alike", () => {
    fc.assert(
      fc.property(samples, (given) => {
        const book = new IntervalBook();
        const place = book.open();
        for (const { ms, isLate } of given) book.push(place, ms, isLate);
        const page = book.page(place);
        expect(page.length).toBe(PAGE_BYTES);
        const copy = book.open();
        expect(book.setPage(copy, page)).toBe(true);
        for (let more = 0; more < 2; more += 1) {
          expect(book.samples(copy)).toEqual(book.samples(place));
          expect(book.ringMedians(copy)).toEqual(book.ringMedians(place));
          expect(book.lateCount(copy)).toBe(book.lateCount(place));
          expect(book.page(copy)).toEqual(book.page(place));
          for (const at of [place, copy]) book.push(at, 5, true);
        }
      }),
    );
  });

  test("RG6 law: bytes that are no page are refused, or are one whose figures are numbers within the limits", () => {
    const book = new IntervalBook();
    const bytes = fc.uint8Array({ minLength: PAGE_BYTES - 4, maxLength: PAGE_BYTES });
    fc.assert(
      fc.property(bytes, fc.nat(0xff_ff_ff), (page, counts) => {
        if (page.length === PAGE_BYTES) new DataView(page.buffer).setUint32(0, counts, true);
        const place = book.open();
        const isTaken = book.setPage(place, page);
        expect(isTaken).toBe(isPage(page));
        if (!isTaken) expect(book.count(place)).toBe(0);
        for (let more = 0; more < SAMPLES_MAX + 1; more += 1) book.push(place, 7, false);
        expect(book.samples(place)).toEqual(Array.from({ length: SAMPLES_MAX }, () => 7));
        expect(book.ringMedians(place).every(Number.isFinite)).toBe(true);
        book.close(place);
      }),
      { numRuns: 1_000 },
    );
  });

  test("RG6 P6 counts beyond the ring, and figures that are no numbers, are no page", () => {
    const page = (packed: number): Uint8Array => {
      const bytes = new Uint8Array(PAGE_BYTES);
      new DataView(bytes.buffer).setUint32(0, packed, true);
      return bytes;
    };
    const [full, empty, three] = [SAMPLES_MAX << 6, 0, 3 | (3 << 6)];
    for (const packed of [full, empty, three]) expect(isPage(page(packed))).toBe(true);
    const beyond = [
      (SAMPLES_MAX + 1) << 6,
      3 << 6,
      SAMPLES_MAX | full,
      SAMPLES_MAX << 12,
      1 << 18,
      7 << 21,
    ];
    for (const packed of beyond) expect(isPage(page(packed))).toBe(false);
    const infinite = page(three);
    new DataView(infinite.buffer).setFloat32(12, Infinity, true);
    expect(isPage(infinite)).toBe(false);
    expect(isPage(new Uint8Array(PAGE_BYTES - 1))).toBe(false);
  });

  test("RG6 a place that was given back begins empty for the next robot, beside thousands of others", () => {
    const book = new IntervalBook();
    const places = Array.from({ length: 1_000 }, () => book.open());
    for (const place of places) {
      book.push(place, place, true);
      book.setAnchor(place, place);
    }
    const [first = 0] = places;
    book.close(first);
    expect(book.open()).toBe(first);
    expect([book.count(first), book.lateCount(first)]).toEqual([0, 0]);
    expect(book.anchorMonoMs(first)).toBeUndefined();
    for (const place of places.slice(1)) {
      expect([...book.samples(place)]).toEqual([place]);
      expect(book.anchorMonoMs(place)).toBe(place);
    }
  });
});
