/** The reader on its own: what a set of observations adds up to, to the millisecond (rules VE2, VE3, PU6). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { PulseName } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import type { Electorate } from "./electorate.ts";
import type { Evidence } from "./observation-codec.ts";
import { Subject, type Opinion } from "./subject.ts";
import { weighObservations, type Reader, type VerdictChange } from "./verdict.ts";

const LAST = { boot: 1, seq: 5 };
const NEWER = { boot: 1, seq: 6 };

interface Facts {
  readonly majority: boolean;
  readonly judgeFromMonoMs: number;
  /** Whether it is a witness of the subject itself. */
  readonly isDuty: boolean;
}

/** A reader for whom three of four witnesses are a quorum. */
function reader(facts: Partial<Facts> = {}): Reader {
  const { majority = true, judgeFromMonoMs = 0, isDuty = true } = facts;
  const identity = { fleet: "fleet", self: "na", name: "na", region: "r", agent: "t" };
  const electorate = {
    quorumOver: () => 3,
    mayDecide: () => true,
    isDuty: () => isDuty,
    isPair: false,
    isWitness: (node: string) => node !== "stranger",
    hasMajority: () => majority,
    electorateOf: () => ["nb", "nc", "nd", "ne"],
    regions: { isDiverse: () => true, isOwnSilence: () => true, outageOf: () => undefined },
  };
  return {
    env: { identity, config: coreConfig(), ports: createTestPorts("na"), out: new Outbox() },
    electorate: electorate as unknown as Electorate,
    judgeFromMonoMs: () => judgeFromMonoMs,
  };
}

/** A subject whose last pulse is dated `dateMonoMs`, and who accuses it of what, since when. */
function subjectOf(
  accusers: Readonly<Record<string, { readonly since: number; readonly name?: PulseName }>>,
  dateMonoMs = 1_000,
): Subject {
  const subject = new Subject("nz", 1_000, { monoMs: 0, wallMs: 0 });
  subject.dating.onPulse({ ...LAST, upMs: 1_000, intervalMs: 1_000 }, dateMonoMs, true);
  subject.datedSinceBase = true;
  for (const [node, { since, name = LAST }] of Object.entries(accusers))
    subject.accusations.set(node, opinion(name, since));
  return subject;
}

function opinion(name: PulseName, since: number): Opinion {
  return { name, namedMonoMs: since, seenMonoMs: since };
}

function weigh(of: Subject, monoMs: number, by: Reader = reader()): VerdictChange["type"] {
  return weighObservations(by, of, { monoMs, wallMs: monoMs }).type;
}

const QUORUM = { nb: { since: 5_000 }, nc: { since: 5_100 }, nd: { since: 5_900 } };

describe("a reader", () => {
  test("VE3 P2 a verdict stands when settleMs have passed since the accusation that made the quorum, not since the first", () => {
    const subject = subjectOf(QUORUM);
    expect(weighObservations(reader(), subject, { monoMs: 5_900, wallMs: 0 })).toEqual({
      type: "none",
      lookAgainMonoMs: 6_200,
    });
    expect([weigh(subject, 6_199), weigh(subject, 6_200)]).toEqual(["none", "down"]);
    expect(subject.latch?.accusers).toEqual(["nb", "nc", "nd"]);
    const more = subjectOf({ ...QUORUM, ne: { since: 9_000 } });
    expect(weigh(more, 6_200)).toBe("down");
  });

  test("VE3 P2 an accusation that was not restated for twelve intervals counts no more", () => {
    const accusers = { nb: { since: 5_000 }, nc: { since: 16_000 }, nd: { since: 16_000 } };
    expect(weigh(subjectOf(accusers), 17_000)).toBe("down");
    expect(weigh(subjectOf(accusers), 17_001)).toBe("none");
  });

  test("VE3 P2 accusations that name another pulse than the newest known, and those of strangers, count nothing", () => {
    const older = { ...QUORUM, nd: { since: 5_900, name: { boot: 1, seq: 4 } } };
    const strange = { nb: QUORUM.nb, nc: QUORUM.nc, stranger: QUORUM.nd };
    for (const accusers of [older, strange]) expect(weigh(subjectOf(accusers), 8_000)).toBe("none");
  });

  test("VE3 P2 a node that has fresh first-hand pulses never shows down, however many accuse", () => {
    const subject = subjectOf(QUORUM, 5_000);
    for (const monoMs of [6_200, 7_000, 8_200]) expect(weigh(subject, monoMs)).toBe("none");
    expect(weigh(subject, 8_201)).toBe("down");
  });

  test("VE2 P2 a reader without a majority in sight makes no verdict", () => {
    expect(weigh(subjectOf(QUORUM), 8_000, reader({ majority: false }))).toBe("none");
  });

  test("PU6 P2 a reader that was away makes no verdict before its inbox has been read", () => {
    const away = reader({ judgeFromMonoMs: 7_000 });
    const subject = subjectOf(QUORUM);
    expect([weigh(subject, 6_999, away), weigh(subject, 7_000, away)]).toEqual(["none", "down"]);
  });

  test("VE3 P3 a verdict ends by a quorum of those that hear newer pulses than its own, and by no older ones", () => {
    const subject = subjectOf(QUORUM);
    weigh(subject, 6_200);
    const say = (name: PulseName, ...witnesses: readonly string[]): void => {
      for (const witness of witnesses) subject.ups.set(witness, opinion(name, 7_000));
    };
    say(LAST, "nb", "nc", "nd", "ne");
    expect(weigh(subject, 7_000)).toBe("none");
    say(NEWER, "nb", "nc", "stranger");
    expect(weigh(subject, 7_000)).toBe("none");
    say(NEWER, "nd");
    expect(weigh(subject, 7_000)).toBe("ended");
    expect(subject.latch).toBeUndefined();
  });

  test("PU8 VE3 a reader that is no witness drops a verdict 36 intervals after a witness last upheld it, however long that is remembered", () => {
    const by = reader({ isDuty: false });
    const subject = subjectOf(QUORUM);
    weigh(subject, 6_200, by);
    const last = subject.accusations.get("nd");
    if (last !== undefined) last.seenMonoMs = 10_000;
    for (let monoMs = 7_000; monoMs < 46_000; monoMs += 1_000)
      expect([monoMs, weigh(subject, monoMs, by)]).toEqual([monoMs, "none"]);
    expect(weigh(subject, 46_000, by)).toBe("ended");
  });

  test("PU8 VE3 P3 one up, by a pulse that a witness may have kept for itself, ends no verdict while another upholds it by the pulse that it knows", () => {
    const by = reader({ isDuty: false });
    const subject = subjectOf(QUORUM);
    weigh(subject, 6_200, by);
    subject.accusations.delete("nb");
    subject.ups.set("nb", opinion(NEWER, 7_000));
    // It came with its signed header.
    subject.known = { header: NEWER } as Evidence;
    expect(weigh(subject, 7_000, by)).toBe("none");
    for (const node of ["nc", "nd"]) subject.accusations.delete(node);
    expect(weigh(subject, 7_000, by)).toBe("ended");
  });
});
