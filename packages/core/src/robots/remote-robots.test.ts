import * as dagCbor from "@ipld/dag-cbor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ROBOTS_PER_NODE_MAX } from "../command.ts";
import { SUMMARIES_PER_PULSE_MAX } from "./beat-summary.ts";
import { RemoteRobots, ROBOT_WORDS_MAX, type RobotWord } from "./remote-robots.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const NOW = { monoMs: 100_000, wallMs: 1_000_000_000 };

function summary(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { r: "r", n: 5, c: 5, a: 1_000, t: 9_000, ...rest };
}

function wordIn(remote: RemoteRobots, robot = "r"): RobotWord | undefined {
  return [...remote.words(robot)][0];
}

describe("onBeats", () => {
  test("P3 a beat is dated by its pulse minus its age, never by arrival", () => {
    const remote = new RemoteRobots();
    remote.onBeats("b", { boot: 1, seq: 1, dateMonoMs: 60_000 }, [summary()], NOW);
    expect(wordIn(remote)).toMatchObject({
      last: { monoMs: 59_000, wallMs: 999_959_000 },
      since: { monoMs: 51_000 },
    });
  });

  test("P3 a replayed or older pulse changes nothing, and the same beat never gets younger", () => {
    const remote = new RemoteRobots();
    const say = (
      boot: number,
      seq: number,
      dateMonoMs: number,
      rest: Record<string, unknown> = {},
    ): readonly string[] => {
      const result = remote.onBeats("b", { boot, seq, dateMonoMs }, [summary(rest)], NOW);
      return result.ok ? result.changed : ["bad"];
    };
    say(1, 5, 60_000);
    expect(say(1, 5, 99_000, { s: "down" })).toEqual([]);
    expect(say(1, 4, 99_000, { n: 9, c: 9, a: 0 })).toEqual([]);
    expect(wordIn(remote)).toMatchObject({ status: "up", beatSeq: 5, last: { monoMs: 59_000 } });
    say(1, 6, 99_000, { a: 10 });
    expect(wordIn(remote)?.last?.monoMs).toBe(59_000);
    say(1, 7, 99_000, { a: 10, n: 6, c: 6 });
    expect(wordIn(remote)?.last?.monoMs).toBe(98_990);
    expect(say(1, 8, 99_000, { a: 10, n: 6, c: 6 })).toEqual([]);
    expect(say(1, 9, 99_000, { a: 10, n: 6, c: 6, s: "late", y: "overdue" })).toEqual(["r"]);
  });

  test("VE6 the word of an older boot does not count once a newer boot was heard, even in a pulse without beats", () => {
    const remote = new RemoteRobots();
    remote.onBeats("b", { boot: 1, seq: 9, dateMonoMs: 60_000 }, [summary()], NOW);
    expect(remote.isCurrent(wordIn(remote) as RobotWord)).toBe(true);
    expect(remote.onBeats("b", { boot: 2, seq: 1, dateMonoMs: 61_000 }, [], NOW)).toMatchObject({
      changed: ["r"],
    });
    expect(remote.isCurrent(wordIn(remote) as RobotWord)).toBe(false);
    remote.onBeats("b", { boot: 2, seq: 2, dateMonoMs: 62_000 }, [summary()], NOW);
    expect(remote.isCurrent(wordIn(remote) as RobotWord)).toBe(true);
  });

  const malformed: readonly [string, unknown][] = [
    ["no list", {}],
    ["no map", [1]],
    ["bytes", [new Uint8Array(3)]],
    ["a bad id", [summary({ r: "../x" })]],
    ["a robot twice", [summary(), summary()]],
    ["a negative age", [summary({ a: -1 })]],
    ["a fractional age", [summary({ a: 0.5 })]],
    ["an age beyond counting", [summary({ a: 2 ** 60 })]],
    ["a count below the beats", [summary({ c: 4 })]],
    ["no time of status", [summary({ t: undefined })]],
    ["an unknown status", [summary({ s: "left" })]],
    ["an unknown health", [summary({ h: "great" })]],
    ["up without a beat", [summary({ a: undefined, n: 0 })]],
    ["beats without an age", [summary({ a: undefined, s: "new" })]],
    ["a period of 1 ms", [summary({ e: 1 })]],
    ["a due time that is no time", [summary({ d: "soon" })]],
  ];
  test.each(malformed)("PU2 %s makes the whole list malformed and changes nothing", (_, beats) => {
    const remote = new RemoteRobots();
    expect(remote.onBeats("b", { boot: 1, seq: 1, dateMonoMs: 0 }, beats, NOW)).toEqual({
      ok: false,
      code: "pulse-malformed",
    });
    expect([...remote.robots()]).toEqual([]);
  });

  test("SG2 unknown keys are ignored, unknown kinds and reasons are not shown", () => {
    const remote = new RemoteRobots();
    remote.onBeats(
      "b",
      { boot: 1, seq: 1, dateMonoMs: 0 },
      [summary({ zz: [1], k: "dance", y: "tired" })],
      NOW,
    );
    expect(wordIn(remote)).toMatchObject({ kind: "beat", reason: undefined });
  });

  test("P6 SUMMARIES_PER_PULSE_MAX summaries are looked at, one more makes the list malformed", () => {
    const beats = Array.from({ length: SUMMARIES_PER_PULSE_MAX + 1 }, (_, at) =>
      summary({ r: `r${at}` }),
    );
    const pulse = { boot: 1, seq: 1, dateMonoMs: 0 };
    expect(new RemoteRobots().onBeats("b", pulse, beats, NOW).ok).toBe(false);
    expect(new RemoteRobots().onBeats("b", pulse, beats.slice(1), NOW).ok).toBe(true);
  });

  test("P6 ROBOTS_PER_NODE_MAX robots of one node and ROBOT_WORDS_MAX in all are kept, further ones are refused and counted", () => {
    const remote = new RemoteRobots();
    let refused = 0;
    const nodes = ROBOT_WORDS_MAX / ROBOTS_PER_NODE_MAX + 1;
    for (let node = 0; node < nodes; node += 1) {
      for (let from = 0; from <= ROBOTS_PER_NODE_MAX; from += 1_000) {
        const beats = Array.from({ length: 1_000 }, (_, at) => summary({ r: `r${from + at}` }));
        const result = remote.onBeats(
          `n${node}`,
          { boot: 1, seq: from + 1, dateMonoMs: 0 },
          beats,
          NOW,
        );
        if (result.ok) refused += result.refused;
      }
    }
    expect(refused).toBe(1_000 * nodes + ROBOTS_PER_NODE_MAX);
    remote.forget("r0");
    expect([...remote.words("r0")]).toEqual([]);
    expect(
      remote.onBeats("last", { boot: 1, seq: 1, dateMonoMs: 0 }, [summary({ r: "r1" })], NOW),
    ).toMatchObject({ refused: 0 });
  });

  test("P4 PU2 hostile beats never throw and never count as another node's, and a refusal is reported", () => {
    const home = new VirtualHome();
    home.judgeNode("b", "up");
    const value = fc.oneof(
      fc.constantFrom(
        "r",
        "up",
        "down",
        "beat",
        0,
        1,
        -1,
        2 ** 53,
        Number.NaN,
        null,
        true,
        "__proto__",
      ),
      fc.anything(),
    );
    const item = fc.dictionary(fc.constantFrom(..."rnacktshydegf".split(""), "__proto__"), value);
    let seq = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.array(
            fc.oneof(
              item,
              item.map((keys) => ({ ...summary(), ...keys })),
            ),
          ),
        ),
        (beats) => {
          home.hear("b", 1, (seq += 1), beats);
          for (const robot of home.robots.ids()) home.view(robot);
        },
      ),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        let decoded: unknown;
        try {
          decoded = dagCbor.decode(bytes);
        } catch {
          return;
        }
        home.hear("b", 1, (seq += 1), decoded);
      }),
      { numRuns: 2_000 },
    );
    expect(
      home.events.some((event) => event.type === "rejected" && event.reason === "pulse-malformed"),
    ).toBe(true);
    expect(home.robots.hosted).toBe(0);
  });
});
