import { describe, expect, test } from "vitest";
import { decodeSummaries } from "./beat-summary.ts";
import {
  DIGEST_EVERY_SECONDS,
  DIGESTS_PER_PULSE_MAX,
  readWireDigest,
  toWireDigest,
} from "./regularity-digest.ts";
import { VirtualHome, virtualPorts } from "./virtual-home.test-support.ts";

const EVERY = { type: "every", everyMs: 10_000, graceMs: 0, missed: 3, startupMs: 60_000 } as const;
const DIGEST = [0, 60, 10_000, 10_040, 20, -3, 1, 2, 400, 12, 0];

/** A home with so many robots that have beaten as often. */
function homeWith(robots: number, beats: number): VirtualHome {
  const home = new VirtualHome();
  const ids = Array.from({ length: robots }, (_, index) => `r${index}`);
  for (const id of ids) home.register(id, EVERY);
  for (let round = 0; round <= beats; round += 1) {
    if (round > 0) home.advance(9_000);
    for (const id of ids) home.beat(id);
  }
  return home;
}

/** One pulse; the robots whose digest was in it. */
function digests(home: VirtualHome): readonly string[] {
  const said = home.robots.beatsForPulse(7_000, home.now);
  home.settle();
  return said.flatMap((summary) => (summary["j"] === undefined ? [] : [String(summary["r"])]));
}

describe("regularity in pulses", () => {
  test("RG7 a digest is said once a minute at most, and never by a robot without samples", () => {
    const home = homeWith(2, 20);
    home.register("silent", EVERY);
    expect(digests(home)).toEqual(["r0", "r1"]);
    for (let second = 1; second < DIGEST_EVERY_SECONDS; second += 1) {
      home.advance(1_000);
      expect(digests(home)).toEqual([]);
    }
    home.advance(1_000);
    expect(digests(home)).toEqual(["r0", "r1"]);
  });

  test("RG7 PU2 P6 a pulse holds DIGESTS_PER_PULSE_MAX digests, every robot's comes, and one costs 30 bytes at most", () => {
    const home = homeWith(50, 3);
    const said = new Set<string>();
    for (let pulse = 0; pulse < 8; pulse += 1) {
      const robots = digests(home);
      expect(robots.length).toBeLessThanOrEqual(DIGESTS_PER_PULSE_MAX);
      for (const robot of robots) said.add(robot);
      home.advance(1_000);
    }
    expect(said.size).toBe(50);
    const { codec } = virtualPorts();
    const whole = codec.encode({ j: DIGEST }).length - codec.encode({}).length;
    expect(whole).toBeLessThanOrEqual(30);
  });

  test("RG7 any node shows what the home said last, and since when; a pulse without a digest takes nothing away", () => {
    const home = homeWith(1, 60);
    const reader = new VirtualHome({ self: "reader" });
    reader.register("r0", EVERY);
    reader.author = "home";
    reader.claimants.set("r0", new Set(["home"]));
    reader.judgeNode("home", "up");
    const first = home.robots.beatsForPulse(7_000, home.now);
    reader.hear("home", 1, 1, first);
    const { asOfWallMs: _, ...own } = home.view("r0")?.regularity ?? { asOfWallMs: 0 };
    expect(reader.view("r0")?.regularity).toEqual({
      ...own,
      newestScore: 0,
      asOfWallMs: reader.wallMs,
    });
    const saidWallMs = reader.wallMs;
    home.advance(9_000);
    reader.advance(9_000);
    home.beat("r0");
    reader.hear("home", 1, 2, home.robots.beatsForPulse(7_000, home.now));
    expect(reader.view("r0")?.regularity).toMatchObject({ samples: 60, asOfWallMs: saidWallMs });
    reader.hear("home", 1, 3, [{ r: "r0", n: 70, c: 70, t: 0, a: 0, e: 20_000 }]);
    expect(reader.view("r0")?.regularity).toBeUndefined();
  });

  test("RG7 SG4 a digest that is none costs itself alone; one that says more is read as far as we know", () => {
    const summary = (j: unknown): unknown => ({ r: "r", n: 1, c: 1, t: 0, a: 0, e: 10_000, j });
    expect(decodeSummaries([summary(DIGEST)])?.[0]?.regularity).toMatchObject({ samples: 60 });
    expect(decodeSummaries([summary([...DIGEST, "more"])])?.[0]?.regularity?.late).toBe(2);
    const hostile = [
      1,
      {},
      [],
      DIGEST.with(0, 7),
      DIGEST.with(1, -1),
      DIGEST.with(2, Number.MAX_SAFE_INTEGER),
      DIGEST.with(5, 0.5),
      DIGEST.with(8, -1),
      DIGEST.with(9, 101),
      DIGEST.slice(0, 10),
    ];
    for (const value of hostile)
      expect(decodeSummaries([summary(value)])?.[0]?.regularity).toBeUndefined();
  });

  test("RG7 what was said is read back as it was said", () => {
    const digest = readWireDigest(DIGEST.with(2, null as unknown as number));
    expect(digest).toMatchObject({ usualMs: undefined, driftMs: -3, newestScore: 1.2 });
    expect(digest && toWireDigest({ ...digest, asOfWallMs: 0 })).toEqual(
      DIGEST.with(2, null as unknown as number),
    );
  });
});
