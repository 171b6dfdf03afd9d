/** What a node keeps of the verdicts that it reaches (rule VE10). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { evidenceOf, lie, pulsesOf } from "../liveness/said.test-support.ts";
import { VirtualNeighbours } from "../liveness/virtual-neighbours.test-support.ts";
import {
  ENDED_VERDICTS_MAX,
  EVIDENCE_BYTES_MAX,
  KEPT_VERDICTS_MAX,
  KEPT_WORDS_MAX,
} from "./limits.ts";
import type { VerdictFile } from "./kept-evidence.ts";
import type { Subject } from "../liveness/subject.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];

function mesh(names: readonly NodeId[] = FIVE): VirtualNeighbours {
  const net = new VirtualNeighbours(names, createTestPorts);
  net.run(10_000);
  return net;
}

function filesAt(net: VirtualNeighbours, at: NodeId, about = "na"): readonly VerdictFile[] {
  const node = net.node(at);
  return node.near.evidence.verdictsOf(about, net.clockOf(node));
}

function accusersIn(file: VerdictFile | undefined): readonly NodeId[] {
  return (file?.words.of("accuse") ?? []).map(({ by }) => by).toSorted();
}

/** Subjects of which a verdict stands, whoever they are. */
function standingOf(like: Subject | undefined): (node: NodeId) => Subject {
  if (like === undefined) throw new Error("na is followed");
  const latch = {
    name: { boot: 1, seq: 1 },
    atMonoMs: 0,
    atWallMs: 1,
    accusers: [],
    electorate: { members: 5, quorum: 3, witnesses: undefined },
    singleWitness: false,
    majoritySeenMonoMs: 0,
  };
  return (node) => Object.assign(Object.create(like) as Subject, { node, latch });
}

describe("evidence of a verdict", () => {
  test("VE10 every node keeps the accusations that a verdict was made of, by one pulse, with its signed header", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    for (const at of FIVE.slice(1)) {
      const [file] = filesAt(net, at);
      expect([at, net.status("na", at), file?.end]).toEqual([at, "down", undefined]);
      expect(accusersIn(file)).toEqual(FIVE.slice(1));
      expect(file?.electorate).toEqual({ members: 5, quorum: 3, witnesses: undefined });
      expect(file?.header?.header).toMatchObject(file?.name ?? {});
      for (const { name, envelope } of file?.words.of("accuse") ?? []) {
        expect(name).toEqual(file?.name);
        expect(envelope.kind).toBe("observation");
        expect(envelope.attachment).toBeUndefined();
      }
    }
  });

  test("VE10 a verdict that has ended keeps its evidence, with the first-hand pulse or the words that ended it", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    // One reader never hears the pulses of the new boot, and goes by what the others say.
    net.drop = ({ from, to, topic }) => topic === "pulse" && from === "na" && to === "nb";
    net.restart("na", 200);
    net.run(6_000);
    const [byPulse] = filesAt(net, "nc");
    expect(byPulse?.end).toMatchObject({ how: "restored" });
    expect(byPulse?.end?.pulse?.header.boot).toBe(200);
    const [byOthers] = filesAt(net, "nb");
    expect(byOthers?.end?.how).toBe("restored");
    expect(byOthers?.words.of("up").length).toBeGreaterThanOrEqual(3);
    expect(accusersIn(byOthers)).toEqual(FIVE.slice(1));
  });

  test("VE10 P6 ENDED_VERDICTS_MAX verdicts about one subject are kept when they are over, the newest", () => {
    const net = mesh();
    for (let turn = 1; turn <= ENDED_VERDICTS_MAX + 1; turn++) {
      net.crash("na");
      net.run(8_000);
      net.restart("na", 200 * turn);
      net.run(8_000);
    }
    const files = filesAt(net, "nb");
    expect(files.length).toBe(ENDED_VERDICTS_MAX);
    expect(files.map(({ name }) => name.boot)).toEqual([400, 200]);
    expect(files.every(({ end }) => end !== undefined)).toBe(true);
  });

  test("VE10 a node that starts anew is told what stands by its accusers, and has the evidence of them", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    net.restart("nb", 300);
    expect(filesAt(net, "nb")).toEqual([]);
    net.run(15_000);
    expect(net.status("na", "nb")).toBe("down");
    expect(accusersIn(filesAt(net, "nb")[0]).length).toBeGreaterThanOrEqual(3);
  });

  test("VE10 an accusation that comes to nothing leaves nothing behind", () => {
    const net = mesh();
    net.drop = ({ from, to }) => from === "na" && to === "nb";
    net.run(30_000);
    expect(filesAt(net, "nc")).toEqual([]);
    net.drop = () => false;
    net.run(60_000);
    // The next word of anybody shows that nobody repeats the old ones.
    lie(net, "nd", { kind: "accuse", about: "ne", name: { boot: 1, seq: 1 } });
    net.run(10);
    const { bytes } = net.node("nc").near.evidence;
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(1_000);
  });

  test("VE10 P6 KEPT_WORDS_MAX accusations of one subject are kept, and who names a pulse that does not count gives way", () => {
    const names = Array.from(
      { length: 3 * KEPT_WORDS_MAX + 1 },
      (_, i) => `n${String(i).padStart(2, "0")}`,
    );
    const [subject = "", ...others] = names;
    const net = mesh(names);
    const liars = others.slice(0, KEPT_WORDS_MAX);
    for (const liar of liars)
      lie(net, liar, { kind: "accuse", about: subject, name: { boot: 1, seq: 1 } });
    net.crash(subject);
    for (const liar of liars) net.crash(liar);
    net.run(100);
    net.run(8_000);
    const reader = others.at(-1) ?? "";
    const [file] = filesAt(net, reader, subject);
    expect(file?.words.of("accuse").length).toBe(KEPT_WORDS_MAX);
    for (const { name } of file?.words.of("accuse") ?? []) expect(name).toEqual(file?.name);
  });

  test("VE10 who accused by an earlier pulse, and then fell silent, is no part of a verdict by a later one", () => {
    const net = mesh();
    const [early] = pulsesOf(net, "na", 5_000);
    const evidence = evidenceOf(net, early?.bytes ?? new Uint8Array());
    lie(net, "nc", { kind: "accuse", about: "na", evidence });
    net.crash("nc");
    net.crash("na");
    net.run(6_000);
    const [file] = filesAt(net, "nb");
    expect(accusersIn(file)).toEqual(["nb", "nd", "ne"]);
  });

  test("VE10 P6 of a witness that says one thing in messages of several lengths the shortest is kept", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    const before = filesAt(net, "nb")[0]?.words.bytes ?? 0;
    const newest = evidenceOf(net, pulsesOf(net, "na", 0).at(-1)?.bytes ?? new Uint8Array());
    lie(net, "nc", { kind: "accuse", about: "na", evidence: newest });
    net.run(10_000);
    expect(filesAt(net, "nb")[0]?.words.bytes).toBeLessThanOrEqual(before);
  });

  test("VE10 P6 all evidence of a node fits into EVIDENCE_BYTES_MAX: the largest of what is no verdict goes first, and what stands stays", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    const { evidence, liveness } = net.node("nb").near;
    const now = net.clockOf(net.node("nb"));
    const standing = filesAt(net, "nb")[0];
    const padded = {
      author: "nc",
      kind: "observation",
      signature: new Uint8Array(64),
      attachment: undefined,
    } as const;
    const step = EVIDENCE_BYTES_MAX / 2 + 1;
    for (const [i, subject] of ["nd", "ne", "nd", "ne"].entries()) {
      const name = { boot: 1, seq: i + 1 };
      const statements = [{ kind: "accuse", subject, name, evidence: undefined }] as const;
      const envelope = { ...padded, body: new Uint8Array(step) };
      evidence.onObservation(envelope, { boot: 1, seq: i + 1, upMs: 1, statements }, now);
      expect(evidence.bytes).toBeLessThanOrEqual(EVIDENCE_BYTES_MAX);
    }
    expect(evidence.bytes).toBeGreaterThan(step);
    expect(filesAt(net, "nb")[0]).toEqual(standing);
    expect(liveness.subject("na")?.latch).toBeDefined();
  });

  test("VE10 P6 KEPT_VERDICTS_MAX verdicts are kept: one that is over gives way to one that stands, which gives way to none", () => {
    const names = FIVE.concat(Array.from({ length: KEPT_VERDICTS_MAX }, (_, i) => `s${i}`));
    const net = new VirtualNeighbours(FIVE, createTestPorts);
    net.run(10_000);
    const { evidence, liveness } = net.node("nb").near;
    const now = net.clockOf(net.node("nb"));
    const subjectOf = standingOf(liveness.subject("na"));
    const count = (): number =>
      names.filter((node) => evidence.verdictsOf(node, now).length > 0).length;
    for (const node of names.slice(5)) evidence.onVerdict(subjectOf(node), "down", now);
    expect(count()).toBe(KEPT_VERDICTS_MAX);
    evidence.onVerdict(subjectOf("na"), "down", now);
    expect([count(), evidence.verdictsOf("na", now)]).toEqual([KEPT_VERDICTS_MAX, []]);
    evidence.onVerdict(subjectOf("s7"), "unknown", now);
    evidence.onVerdict(subjectOf("na"), "down", now);
    expect([count(), evidence.verdictsOf("s7", now)]).toEqual([KEPT_VERDICTS_MAX, []]);
    expect(evidence.verdictsOf("na", now).length).toBe(1);
  });

  test("VE10 VE4 evidence that finds room only later says who had a say when the verdict was made, whoever has one now", () => {
    const net = mesh();
    const nb = net.node("nb");
    const { evidence, liveness } = nb.near;
    const subjectOf = standingOf(liveness.subject("na"));
    for (let i = 0; i < KEPT_VERDICTS_MAX; i++)
      evidence.onVerdict(subjectOf(`s${i}`), "down", net.clockOf(nb));
    net.crash("na");
    net.run(6_000);
    expect([net.status("na", "nb"), filesAt(net, "nb")]).toEqual(["down", []]);
    // The roster is a smaller one by now.
    nb.goodbyes.push("ne");
    evidence.onVerdict(subjectOf("s7"), "unknown", net.clockOf(nb));
    net.run(8_000);
    const [file] = filesAt(net, "nb");
    expect(file?.end).toBeUndefined();
    expect(file?.electorate).toEqual({ members: 5, quorum: 3, witnesses: undefined });
    expect(accusersIn(file)).toEqual(["nb", "nc", "nd", "ne"]);
  });
});
