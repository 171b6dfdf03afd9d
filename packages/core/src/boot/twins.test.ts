import { describe, expect, test } from "vitest";
import { TWIN_ECHO_INTERVALS, TWIN_QUIET_INTERVALS } from "../liveness/rules.ts";
import {
  FOREIGN_BOOTS_MAX,
  OWN_BOOTS_MAX,
  OWN_SAMPLES_MAX,
  Twins,
  type OwnKeyHeader,
} from "./twins.ts";

const INTERVAL_MS = 1_000;
const at = (monoMs: number): { readonly monoMs: number; readonly wallMs: number } => ({
  monoMs,
  wallMs: 1_800_000_000_000 + monoMs,
});

function header(over: Partial<OwnKeyHeader>): OwnKeyHeader {
  return { boot: 20, seq: 1, pausedForMs: undefined, goodbye: false, ...over };
}

/** Has sent pulses 1 to 3 of boot 10, one a second. */
function twins(): Twins {
  const one = new Twins(INTERVAL_MS);
  one.restored(5);
  for (const seq of [1, 2, 3]) one.sent({ boot: 10, seq }, at(seq * INTERVAL_MS));
  return one;
}

const answer = (seq: number, boot: number = 10): OwnKeyHeader =>
  header({ twin: { boot, seq, isProved: false } });

describe("Twins", () => {
  test("BK1 only a header that names a pulse of this process is proof that another one lives", () => {
    const one = twins();
    expect(one.onHeader(header({}), at(3_000))).toBe("none");
    expect(one.onHeader(answer(4), at(3_000))).toBe("none");
    expect(one.onHeader(answer(1, 4), at(3_000))).toBe("none");
    expect(one.twin).toBeUndefined();
    expect(one.onHeader(answer(3), at(3_100))).toBe("found");
    expect(one.twin).toEqual({ boot: 20, seq: 1 });
    expect(one.onHeader(answer(3), at(3_200))).toBe("none");
  });

  test("BK1 what this disk knows of, and what this process sent, is nobody else's", () => {
    const one = twins();
    expect([5, 6].map((boot) => one.isForeign({ boot, seq: 1 }))).toEqual([false, true]);
    expect([3, 4].map((seq) => one.isForeign({ boot: 10, seq }))).toEqual([false, true]);
  });

  test("BK1 a process whose boot this disk knows is another one if it names a pulse of this one", () => {
    const one = twins();
    const old = (seq: number): OwnKeyHeader => ({ ...answer(seq), boot: 5 });
    expect([3, 4].map((seq) => one.isForeign(old(seq)))).toEqual([true, false]);
    expect(one.onHeader(old(3), at(3_100))).toBe("found");
    expect(one.echo(at(3_200))).toEqual({ boot: 5, seq: 1, isProved: true });
  });

  test("BK1 P3 the same answer, however often it is replayed, keeps nobody proved", () => {
    const one = twins();
    one.onHeader(answer(3), at(3_100));
    const quietMs = TWIN_QUIET_INTERVALS * INTERVAL_MS;
    for (let ms = 3_200; ms <= 3_000 + quietMs; ms += 100) {
      expect(one.onHeader(answer(3), at(ms))).toBe("none");
      expect(one.check(at(ms))).toBe("none");
    }
    expect(one.check(at(3_001 + quietMs))).toBe("over");
    expect(one.onHeader(answer(3), at(3_100 + quietMs))).toBe("none");
    expect(one.twin).toBeUndefined();
  });

  test("BK1 a twin that says farewell is over at once, and its earlier answers prove nothing any more", () => {
    const one = twins();
    one.onHeader(answer(2), at(3_100));
    expect(one.onHeader({ ...answer(3), pausedForMs: 60_000 }, at(3_200))).toBe("over");
    expect(one.onHeader(answer(3), at(3_300))).toBe("none");
    one.sent({ boot: 10, seq: 4 }, at(4_000));
    expect(one.onHeader(answer(4), at(4_100))).toBe("found");
  });

  test("BK1 a foreign pulse is named for a while; while the twin is proved, always", () => {
    const one = twins();
    one.onHeader(header({ seq: 7 }), at(3_000));
    const echoMs = 3_000 + TWIN_ECHO_INTERVALS * INTERVAL_MS;
    expect(one.echo(at(echoMs))).toEqual({ boot: 20, seq: 7, isProved: false });
    expect(one.echo(at(echoMs + 1))).toBeUndefined();
    one.onHeader({ ...answer(3), seq: 8 }, at(3_100));
    expect(one.echo(at(echoMs + 500))).toEqual({ boot: 20, seq: 8, isProved: true });
  });

  test("BK1 where several others have the key, whose news has waited longest is named, and a repetition is no news", () => {
    const one = twins();
    const named: (number | undefined)[] = [];
    for (let seq = 1; seq <= 4; seq++) {
      const ms = 3_000 + seq * INTERVAL_MS;
      for (const boot of [20, 30]) one.onHeader(header({ boot, seq }), at(ms));
      for (let copy = 0; copy < 3; copy++) one.onHeader(header({ boot: 40, seq: 1 }), at(ms));
      named.push(one.echo(at(ms + 1))?.boot, one.echo(at(ms + 2))?.boot);
    }
    expect(named).toEqual([40, 20, 30, 20, 30, 20, 30, 20]);
  });

  test("BK1 P6 of FOREIGN_BOOTS_MAX boots of others the one that was not heard for longest is forgotten", () => {
    const one = twins();
    const boots = Array.from({ length: FOREIGN_BOOTS_MAX + 1 }, (_, n) => 20 + n);
    for (const boot of boots) one.onHeader(header({ boot }), at(3_000));
    const named = boots.map(() => one.echo(at(3_001))?.boot);
    expect(named).toEqual([boots.at(-1), ...boots.slice(1)]);
  });

  test("BK1 P6 of OWN_BOOTS_MAX boots and OWN_SAMPLES_MAX pulses the oldest are forgotten", () => {
    const one = new Twins(INTERVAL_MS);
    for (let boot = 1; boot <= OWN_BOOTS_MAX + 1; boot++) one.sent({ boot, seq: 1 }, at(boot));
    expect(one.isForeign({ boot: 1, seq: 1 })).toBe(true);
    expect(one.isForeign({ boot: 2, seq: 1 })).toBe(false);
    const boot = 100;
    for (let seq = 1; seq <= OWN_SAMPLES_MAX; seq++) one.sent({ boot, seq }, at(seq * INTERVAL_MS));
    const newestMs = OWN_SAMPLES_MAX * INTERVAL_MS;
    one.sent({ boot, seq: OWN_SAMPLES_MAX + 1 }, at(newestMs + 1));
    expect(one.onHeader(answer(OWN_SAMPLES_MAX + 1, boot), at(newestMs + 2))).toBe("found");
  });
});
