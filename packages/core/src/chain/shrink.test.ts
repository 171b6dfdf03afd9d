import { createHash } from "node:crypto";
import { decode } from "@ipld/dag-cbor";
import { createMemoryDocuments, fuzz } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import type { RobotRecord, Source } from "../state/record.ts";
import { viewOf } from "../state/record-view.ts";
import { mergeSources } from "../state/robot-slot.ts";
import { isSuperseded } from "../state/superseded.ts";
import { AUTHORS_MAX } from "./limits.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

let net: VirtualMesh;
let asked: string[];

beforeEach(() => {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  net = new VirtualMesh({ sha256, documents: createMemoryDocuments });
  asked = [];
  net.drop = ({ kind, bytes }) => {
    if (kind === "sync") asked.push(String((decode(bytes) as readonly unknown[])[0]));
    return false;
  };
});

function start(...ids: readonly string[]): void {
  for (const id of ids) net.add(id, 1);
  net.linkAll();
  net.advance(1_000);
}

function node(id: string): VirtualNode {
  return net.nodes.get(id) as VirtualNode;
}

/** `id` says goodbye in `boot`, those named hear it, and it is gone. */
function leave(id: string, boot: number, ...heardBy: readonly string[]): void {
  for (const other of heardBy)
    net.input(node(other), () => expect(node(other).chains.membership.leave(id, boot)).toBe(true));
  for (const other of net.nodes.keys()) if (other !== id) net.unlink(id, other);
  net.nodes.delete(id);
}

function rowsOf(id: string, author: string): readonly string[] {
  return [...node(id).rows.keys()].filter(
    (key) => /^(chain|final|fork|part)\//.test(key) && key.includes(`/${author}`),
  );
}

function hashes(): readonly string[] {
  return [...new Set([...net.nodes.values()].map(({ chains }) => chains.records.documentHash()))];
}

describe("authors that left", () => {
  test("CH7 an author without a live record shrinks to where it ended, in memory and on disk, in one commit, and stays so", () => {
    start("a", "b", "c");
    net.patch("b", "bot", { n: 1 });
    net.run();
    const before = node("b").chains.records.documentHash();
    leave("a", 1, "b", "c");
    const persists: number[] = [];
    const drain = node("b").env.out.drain.bind(node("b").env.out);
    node("b").env.out.drain = () => {
      const effects = drain();
      for (const effect of effects)
        if (effect.type === "persist" && effect.ops.some(({ key }) => key.startsWith("final/")))
          persists.push(
            effect.ops.filter(({ type, key }) => type === "del" && key.startsWith("chain/")).length,
          );
      return effects;
    };
    net.advance(61_000);
    expect(persists).toEqual([1]);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
    const [final] = decode(
      node("b").rows.get("final/reported/a") as Uint8Array,
    ) as readonly (readonly unknown[])[];
    expect(final?.slice(0, 2)).toEqual([1, 0]);
    expect(final?.[2]).toHaveLength(32);
    expect(hashes()).toEqual([before]);
    expect(net.restart("b", 2).chains.membership.hasLeft("a")).toBe(true);
    net.advance(5_000);
    asked = [];
    net.advance(120_000);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
    expect(new Set(asked)).toEqual(new Set(["digest", "same"]));
  });

  test("CH7 a retired author shrinks like one that left", () => {
    start("a", "b");
    net.input(node("b"), () => node("b").chains.membership.retire("a", 1));
    net.advance(61_000);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
  });

  test("CH7 CH6 a newcomer never hears of it, and agrees with who dropped it", () => {
    start("a", "b", "c");
    leave("a", 1, "b", "c");
    net.advance(61_000);
    net.add("d", 1);
    net.link("b", "d");
    net.link("c", "d");
    net.advance(5_000);
    asked = [];
    net.advance(120_000);
    expect(new Set(asked)).toEqual(new Set(["digest", "same"]));
    expect(rowsOf("d", "a")).toEqual([]);
    expect(hashes()).toHaveLength(1);
  });

  test("CH7 CH6 P1 who dropped it and who did not hear of the goodbye show the same, and neither asks the other for anything", () => {
    start("a", "b", "c");
    net.patch("c", "bot", { n: 1 });
    net.run();
    leave("a", 1, "b");
    net.advance(61_000);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
    expect(rowsOf("c", "a")).toHaveLength(1);
    asked = [];
    net.advance(300_000);
    expect(asked).not.toContain("want");
    expect(asked.filter((type) => type === "vector").length).toBeLessThanOrEqual(60);
    expect(hashes()).toHaveLength(1);
  });

  test("CH7 P5 a live record keeps the chain, and it goes when others have written over all of it", () => {
    start("a", "b", "c");
    net.write("a", "bot", { "/schedule": ["every", 1_000, 0, 1, 1_000], "/state/n": 1 });
    net.write("b", "other", { "/state/n": 1 });
    net.run();
    leave("a", 1, "b", "c");
    net.advance(61_000);
    expect(rowsOf("b", "a").length).toBeGreaterThan(1);
    expect(node("b").chains.records.state("bot")).toEqual({ n: 1 });
    net.write("b", "bot", { "/schedule": ["every", 2_000, 0, 1, 1_000] });
    net.advance(61_000);
    expect(rowsOf("b", "a").length).toBeGreaterThan(1);
    net.input(node("b"), (now) => node("b").chains.records.retire("bot", now));
    net.run();
    const before = hashes();
    expect(before).toHaveLength(1);
    net.advance(61_000);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
    expect(hashes()).toEqual(before);
    expect(node("b").chains.records.standing("bot").retiredBy).toBe("b");
  });

  test("CH7 CH1 an author that comes back opens a new epoch, is a member again, and nobody reports a rollback", () => {
    start("a", "b", "c");
    const rows = new Map(node("a").rows);
    leave("a", 1, "b", "c");
    net.advance(61_000);
    net.add("a", 5, rows);
    net.link("a", "b");
    net.link("a", "c");
    net.patch("a", "bot", { back: true });
    net.advance(61_000);
    expect(node("c").chains.records.state("bot")).toEqual({ back: true });
    expect(node("b").chains.membership.member("a")).toBeDefined();
    expect(hashes()).toHaveLength(1);
    for (const id of ["b", "c"]) expect(node(id).eventsOf("rollback")).toEqual([]);
    const again = net.restart("b", 2);
    expect(again.chains.records.state("bot")).toEqual({ back: true });
    leave("a", 5, "b", "c");
    net.write("b", "bot", { "/schedule": ["every", 1_000, 0, 1, 1_000] });
    net.input(node("b"), (now) => node("b").chains.records.retire("bot", now));
    net.advance(121_000);
    const finals = decode(node("b").rows.get("final/reported/a") as Uint8Array);
    expect((finals as readonly (readonly unknown[])[]).map(([epoch]) => epoch)).toEqual([1, 5]);
  });

  test("CH7 CH1 an author that comes back without its disk is reported as rolled back", () => {
    start("a", "b");
    leave("a", 1, "b");
    net.advance(61_000);
    net.add("a", 5);
    net.link("a", "b");
    net.advance(1_000);
    expect(node("b").eventsOf("rollback")).toEqual([
      { type: "rollback", author: "a", epoch: 1, seq: 0 },
    ]);
  });

  test("CH7 P4 P5 what a peer holds beyond the place that is kept is asked for, and counts", () => {
    start("a", "b", "c");
    net.unlink("a", "b");
    net.unlink("b", "c");
    net.patch("a", "bot", { late: true });
    net.run();
    leave("a", 1, "b", "c");
    net.advance(61_000);
    expect(rowsOf("b", "a")).toEqual(["final/reported/a"]);
    net.link("b", "c");
    net.advance(61_000);
    expect(node("b").chains.records.state("bot")).toEqual({ late: true });
    expect(rowsOf("b", "a").length).toBeGreaterThan(2);
    expect(hashes()).toHaveLength(1);
    expect(net.restart("b", 2).chains.records.state("bot")).toEqual({ late: true });
  });

  test("CH7 an author that left counts among the AUTHORS_MAX, and comes back though they are all taken", () => {
    start("a", "b");
    const rows = new Map(node("a").rows);
    leave("a", 1, "b");
    net.advance(61_000);
    const again = net.restart("b", 2);
    for (let i = 0; i < AUTHORS_MAX - 2; i++)
      again.rows.set(
        `final/reported/n${i}`,
        again.env.ports.codec.encode([[1, 0, new Uint8Array(32)]]),
      );
    const full = net.restart("b", 3);
    net.add("z", 1);
    net.link("z", "b");
    net.add("a", 5, rows);
    net.link("a", "b");
    net.advance(1_000);
    expect(rowsOf("b", "z")).toEqual([]);
    expect(full.eventsOf("rejected")).toContainEqual({
      type: "rejected",
      reason: "authors-max",
      from: "z",
    });
    expect(full.chains.membership.member("a")).toBeDefined();
  });
});

describe("superseded records", () => {
  test("CH7 P1 fuzz: leaving out a superseded record changes no view, whatever else comes", () => {
    let superseded = 0;
    fuzz("superseded records", (random) => {
      const pointers = ["/a", "/a/b", "/a/b/c", "/schedule"];
      const record = (): RobotRecord => {
        const pick = (share: number): readonly string[] =>
          pointers.filter(() => random.unit() < share);
        const hlc = (): number => 1 + Math.floor(random.unit() * 6);
        return {
          fields: new Map(pick(0.4).map((pointer) => [pointer, { hlc: hlc(), value: hlc() }])),
          tombstones: new Map(pick(0.3).map((pointer) => [pointer, hlc()])),
          retiredHlc: random.unit() < 0.2 ? hlc() : 0,
        };
      };
      const from = (author: string): Source => ({ author, epoch: 1, record: record() });
      const mine = from("a");
      const others = [from("b"), from("c")];
      const view = (...sources: readonly Source[]): unknown =>
        viewOf(mergeSources(sources, Number.POSITIVE_INFINITY)).root;
      if (!isSuperseded(mine.record, mergeSources(others, Number.POSITIVE_INFINITY))) return;
      superseded += 1;
      for (const more of [others, [...others, from("d")]])
        expect(view(...more, mine)).toEqual(view(...more));
    });
    expect(superseded).toBeGreaterThan(100);
  });
});
