import { createHash } from "node:crypto";
import { createMemoryDocuments, SeededRandom } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { EPOCHS_MAX } from "./limits.ts";
import { LyingAuthor, type Lie } from "./lying-author.test-support.ts";
import { VirtualMesh } from "./virtual-mesh.test-support.ts";

/** Two rounds of sync and what follows from them. */
const ROUNDS_MS = 130_000;
const STORIES = 150;

let net: VirtualMesh;
let liar: LyingAuthor;

function mesh(): VirtualMesh {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  return new VirtualMesh({ sha256, documents: createMemoryDocuments });
}

beforeEach(() => {
  net = mesh();
  net.gossip = false;
  for (const id of ["a", "b"]) net.add(id, 1);
  liar = new LyingAuthor(mesh().add("m", 0).env, createMemoryDocuments);
});

function tell(id: string, ...lies: readonly (Lie | undefined)[]): void {
  for (const lie of lies) if (lie !== undefined) liar.tell(net, id, lie);
}

/** What all show of the robot once they have met; also after they have all started again. */
function meet(): unknown {
  net.linkAll();
  net.advance(ROUNDS_MS);
  const shown = one();
  for (const id of net.nodes.keys()) net.restart(id, 9);
  net.advance(ROUNDS_MS);
  expect(one()).toBe(shown);
  return JSON.parse(shown);
}

function one(): string {
  const nodes = [...net.nodes.values()];
  const exports = nodes.map(({ chains }) =>
    Buffer.from(chains.records.exportDocument()).toString("hex"),
  );
  const shown = nodes.map(({ chains }) => JSON.stringify(chains.records.state("r")));
  expect([...new Set(shown)]).toHaveLength(1);
  expect(new Set(exports).size).toBe(1);
  return shown[0] as string;
}

function byHash(lies: readonly Lie[]): readonly Lie[] {
  return lies.toSorted((p, q) => (p.place.hash < q.place.hash ? -1 : 1));
}

/** The same entry with a signature that is none. */
function forge(lie: Lie): Lie {
  const bytes = Uint8Array.from(lie.bytes);
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return { ...lie, bytes };
}

describe("an author that lies", () => {
  test("CH5 P1 of three entries at one place all show the one with the smallest hash, whichever two each was shown", () => {
    const header = liar.header(1);
    const values = ["x", "y", "z"];
    const lies = byHash(values.map((v) => liar.delta(header.place, v)));
    tell("a", header, lies[1], lies[2]);
    tell("b", header, lies[0], lies[2]);
    const v = values.find(
      (each) => liar.delta(header.place, each).place.hash === lies[0]?.place.hash,
    );
    expect(meet()).toEqual({ v });
    for (const node of net.nodes.values()) {
      const proofs = [...node.rows.keys()].filter((key) => key.startsWith("fork/"));
      expect(proofs).toEqual([expect.stringContaining(lies[1]?.place.hash ?? "")]);
    }
  });

  test("CH5 P1 who was shown a fork, and who was shown a snapshot beyond it, show the snapshot", () => {
    const header = liar.header(1);
    const one = liar.delta(header.place, "one");
    tell("a", header, one, liar.delta(header.place, "two"));
    tell("b", header, one, liar.snapshot(one.place, "snapshot"));
    expect(meet()).toEqual({ v: "snapshot" });
    expect(net.nodes.get("a")?.eventsOf("quarantined")).toEqual([]);
  });

  test("CH5 P1 a snapshot with an invented predecessor is shown by all, and who holds the true one says that it is forked", () => {
    const header = liar.header(1);
    const a = net.nodes.get("a");
    tell("a", header, liar.delta(header.place, "one"));
    tell("b", header, liar.snapshot({ epoch: 1, seq: 1, hash: "ff".repeat(32) }, "snapshot"));
    expect(meet()).toEqual({ v: "snapshot" });
    expect(a?.eventsOf("forked")).toHaveLength(1);
  });

  test("CH5 P1 of two snapshots at one place all show the one with the smaller hash, and what follows it", () => {
    const header = liar.header(1);
    const [small, large] = byHash(["s1", "s2"].map((v) => liar.snapshot(header.place, v))) as [
      Lie,
      Lie,
    ];
    tell("a", header, small);
    let prev = large;
    tell("b", header, large);
    for (let n = 0; n < 3; n++) tell("b", (prev = liar.delta(prev.place, `after ${n}`, "other")));
    const shown = meet();
    expect(shown).toEqual({ v: small === byHash([small, large])[0] ? expect.any(String) : "" });
    expect(net.nodes.get("b")?.chains.records.state("other")).toEqual({});
  });

  test("CH7 P1 of more than EPOCHS_MAX epochs all show the newest, in whatever order they came", () => {
    const headers = Array.from({ length: EPOCHS_MAX + 2 }, (_, i) => liar.header(i + 1));
    const deltas = headers.map(({ place }) =>
      liar.delta(place, `epoch ${place.epoch}`, place.epoch % 65 === 1 ? "r" : "other"),
    );
    tell("a", ...headers.slice(0, EPOCHS_MAX), ...deltas.slice(0, EPOCHS_MAX));
    tell("b", ...headers.slice(2), ...deltas.slice(2));
    expect(meet()).toEqual({ v: `epoch ${EPOCHS_MAX + 2}` });
    expect(net.nodes.get("a")?.eventsOf("rejected")).toEqual([]);
  });

  test("CH7 P6 a newer epoch evicts the oldest of EPOCHS_MAX with its rows, and an older one is no news", () => {
    for (let epoch = 2; epoch <= EPOCHS_MAX + 2; epoch++) tell("a", liar.header(epoch));
    tell("a", liar.header(1), liar.header(2));
    const rows = [...(net.nodes.get("a")?.rows.keys() ?? [])];
    const live = rows.filter((key) => key.startsWith("chain/reported/m/"));
    expect(live).toHaveLength(EPOCHS_MAX);
    expect(live[0]).toContain("/000000000003/");
  });

  test("CH1 P6 each time that an author begins anew without what it wrote before, the newest of that is told, once", () => {
    tell("a", ...[1, 2, 3, 4, 5].map((epoch) => liar.header(epoch)));
    const told = [1, 2, 3, 4].map((epoch) => ({ type: "rollback", author: "m", epoch, seq: 0 }));
    expect(net.nodes.get("a")?.eventsOf("rollback")).toEqual(told);
    const covers = [1, 2, 3, 4].map((epoch) => ({ ...liar.header(epoch, "other").place }));
    tell("a", liar.snapshot(liar.header(5).place, "x", covers));
    expect(net.nodes.get("a")?.eventsOf("rollback").slice(4)).toEqual(told.slice(-1));
  });

  test("SG2 P1 an entry of a later version's kind is stored, linked and handed on, and changes nothing; what follows it is shown", () => {
    const header = liar.header(1);
    const one = liar.delta(header.place, "one");
    const later = liar.later(one.place);
    tell("a", header, one, later, liar.delta(later.place, "two"));
    expect(meet()).toEqual({ v: "two" });
    for (const node of net.nodes.values()) {
      expect(node.eventsOf("quarantined")).toEqual([]);
      const row = node.rows.get("chain/reported/m/000000000001/000000000002");
      expect(Buffer.from(row ?? []).equals(later.bytes)).toBe(true);
    }
  });

  test("P4 DU1 an entry on disk that its author never signed is quarantined at start, with what builds on it, and the true one is fetched", () => {
    const header = liar.header(1);
    const one = liar.delta(header.place, "one");
    const forged = forge(liar.delta(header.place, "forged"));
    tell("a", header, one);
    tell("b", header, one);
    const rows = new Map(net.nodes.get("a")?.rows);
    rows.set("chain/reported/m/000000000001/000000000001", forged.bytes);
    const after = forge(liar.delta(forged.place, "after"));
    rows.set("chain/reported/m/000000000001/000000000002", after.bytes);
    const unlinked = liar.delta(one.place, "unlinked").bytes;
    rows.set("chain/reported/m/000000000001/000000000003", unlinked);
    const a = net.restart("a", 2, rows);
    expect(a.chains.records.state("r")).toEqual({});
    expect(a.eventsOf("quarantined")).toHaveLength(3);
    expect(meet()).toEqual({ v: "one" });
    for (const node of net.nodes.values()) expect(node.eventsOf("forked")).toEqual([]);
  });

  test("P4 DU1 a header on disk that its author never signed is quarantined, though the snapshot after it is signed", () => {
    const header = liar.header(1);
    const snapshot = liar.snapshot(header.place, "one");
    for (const id of ["a", "b"]) tell(id, header, snapshot);
    const rows = new Map(net.nodes.get("a")?.rows);
    const key = "chain/reported/m/000000000001/000000000000";
    expect(rows.has(key)).toBe(true);
    rows.set(key, forge(liar.header(1, "another name")).bytes);
    const a = net.restart("a", 2, rows);
    expect(a.eventsOf("quarantined")).toContainEqual({
      type: "quarantined",
      what: key,
      reason: "signature-bad",
    });
    expect(meet()).toEqual({ v: "one" });
  });

  test("P4 DU1 what its author never signed shows nothing where the snapshot after it lacks a part: it is quarantined", () => {
    const header = liar.header(1);
    const real = liar.delta(header.place, "real");
    const snapshot = liar.snapshot(real.place, "real");
    for (const id of ["a", "b"]) tell(id, header, real, snapshot);
    const rows = new Map(net.nodes.get("a")?.rows);
    for (const key of rows.keys()) if (key.startsWith("part/")) rows.delete(key);
    const key = "chain/reported/m/000000000001/000000000001";
    expect(rows.has(key)).toBe(false);
    rows.set(key, forge(liar.delta(header.place, "forged")).bytes);
    const a = net.restart("a", 2, rows);
    expect(a.chains.records.state("r")).toEqual({});
    expect(a.eventsOf("quarantined")).toContainEqual({
      type: "quarantined",
      what: key,
      reason: "signature-bad",
    });
    expect(meet()).toEqual({ v: "real" });
  });

  test("P4 CH5 a branch on disk that its author never signed makes nobody one that forked: it is quarantined", () => {
    const header = liar.header(1);
    const one = liar.delta(header.place, "one");
    tell("a", header, one);
    const rows = new Map(net.nodes.get("a")?.rows);
    const { place, bytes } = forge(liar.delta(header.place, "two"));
    const key = `fork/reported/m/000000000001/000000000001/${place.hash}`;
    rows.set(key, bytes);
    const a = net.restart("a", 2, rows);
    expect(a.eventsOf("quarantined")).toEqual([
      { type: "quarantined", what: key, reason: "signature-bad" },
    ]);
    expect(a.rows.has(key)).toBe(false);
    tell("a", liar.delta(one.place, "after"));
    expect(a.chains.records.state("r")).toEqual({ v: "after" });
  });

  test("CH2 P1 a refused snapshot changes nothing: an entry at its place counts as if it had never come", () => {
    const header = liar.header(1);
    const one = liar.delta(header.place, "one", "s");
    const bad = liar.snapshot(one.place, "bad", [], 2, 0);
    tell("a", header, one, bad);
    const a = net.nodes.get("a");
    expect(a?.eventsOf("rejected")).toContainEqual(
      expect.objectContaining({ reason: "snapshot-bad" }),
    );
    expect(a?.chains.records.state("s")).toEqual({ v: "one" });
    const two = liar.delta(one.place, "two");
    tell("a", two);
    tell("b", header, one, two);
    expect(meet()).toEqual({ v: "two" });
    expect(a?.chains.records.state("s")).toEqual({ v: "one" });
  });

  test("CH2 P1 what a snapshot covers stays covered, whichever of two snapshots came first", () => {
    const headers = [1, 2, 3].map((epoch) => liar.header(epoch)) as [Lie, Lie, Lie];
    const delta = liar.delta(headers[0].place, "back again");
    const s2 = liar.snapshot(headers[1].place, undefined, [delta.place]);
    const s3 = liar.snapshot(headers[2].place, undefined);
    tell("a", ...headers, delta, s2, s3);
    tell("b", ...headers, delta, s3, s2);
    for (const id of ["a", "b"]) tell(id, headers[0], delta);
    expect(meet()).toEqual({});
  });

  test("CH7 P1 an author that left and was dropped says something else of the place: all show it", () => {
    const header = liar.header(1);
    const nothing = liar.snapshot(header.place, undefined);
    tell("b", header, nothing);
    for (const node of net.nodes.values())
      net.input(node, () => void node.chains.membership.leave("m", 1));
    net.advance(ROUNDS_MS);
    expect([...(net.nodes.get("b")?.rows.keys() ?? [])]).toContain("final/reported/m");
    tell("a", header, liar.delta(header.place, "evil"));
    expect(meet()).toEqual({ v: "evil" });
  });

  test(`CH5 CH2 P1 ${STORIES} random lies, of which three nodes were shown different ones in another order, end in one view`, () => {
    const shown = new Set<string>();
    for (let seed = 1; seed <= STORIES; seed++) {
      const random = new SeededRandom(seed);
      net = mesh();
      net.gossip = random.unit() < 0.5;
      for (const id of ["a", "b", "c"]) net.add(id, 1);
      const lies = someLies(random);
      for (const id of net.nodes.keys())
        for (let n = random.integer(2 * lies.length); n >= 0; n--) tell(id, random.pick(lies));
      try {
        shown.add(JSON.stringify(meet()));
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
    expect(shown.size).toBeGreaterThan(10);
  }, 120_000);
});

/** Headers, deltas and snapshots that follow each other, invented ones, or nothing. */
function someLies(random: SeededRandom): readonly Lie[] {
  const lies = [1, 2, 3].slice(random.integer(3)).map((epoch) => liar.header(epoch));
  for (let n = 0; n < 12; n++) {
    const prev = random.pick(lies).place;
    const invented = { ...prev, hash: "ff".repeat(32) };
    const covers = lies.map(({ place }) => place).filter(({ epoch }) => epoch < prev.epoch);
    const covered = new Map(
      covers.filter(() => random.unit() < 0.3).map((place) => [place.epoch, place]),
    );
    const dice = random.unit();
    if (dice < 0.55) lies.push(liar.delta(prev, `v${n}`, random.pick(["r", "s", "t"])));
    else if (dice < 0.65) lies.push(liar.header(prev.epoch, `name ${n}`));
    else {
      const after = random.unit() < 0.3 ? invented : prev;
      const seq = prev.seq + 1 + random.integer(2);
      const v = random.unit() < 0.8 ? `v${n}` : undefined;
      lies.push(liar.snapshot(after, v, [...covered.values()], seq));
    }
  }
  return lies;
}
