import { createHash } from "node:crypto";
import { createMemoryDocuments, TestAuthority, testTokens } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Cut } from "../authority/claims.ts";
import { CUSTODY_EPOCH } from "../authority/rights.ts";
import { GOSSIP_BYTES_MAX } from "../driver/transport.ts";
import { custodyClientId, generationClientId } from "./client-id.ts";
import { cutsAt, rowsOf, shownAt } from "./closed-mesh.test-support.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const fleet = new TestAuthority();
const issuers = [fleet.issuer("issuer"), fleet.issuer("thief")];
const ROOT = fleet.root({ issuers });
/** Of what the thief has signed nothing counts. */
const VOID = fleet.root({
  number: 2,
  previous: TestAuthority.idOf(ROOT),
  issuers: issuers.slice(0, 1),
  voids: [{ key: fleet.key("thief"), kept: [] }],
});
const deps = { sha256, documents: createMemoryDocuments, tokens: testTokens, fleet: fleet.fleet };
const IDS = ["a", "b", "c", "x"] as const;
/** More than fits into one part. */
const MANY = 700;

/** Four linked members; x has written `v` of three robots. */
function mesh(): VirtualMesh {
  const net = new VirtualMesh(deps);
  for (const id of IDS) net.add(id, 1);
  net.linkAll();
  net.state("a", ROOT, ...[...IDS, "late"].map((node) => fleet.grant(node)));
  net.advance(3_000);
  for (let i = 0; i < 3; i++) net.patch("x", `r${i}`, { v: i });
  net.advance(3_000);
  return net;
}

function nodeOf(net: VirtualMesh, id: string): VirtualNode {
  return net.nodes.get(id) as VirtualNode;
}

/** What every node but x itself shows of its three robots. */
function shown(net: VirtualMesh): readonly string[] {
  return [...net.nodes.values()]
    .filter(({ id }) => id !== "x")
    .map((node) => [0, 1, 2].map((i) => String(shownAt(node, `r${i}`) ?? "-")).join());
}

function cutAt(net: VirtualMesh, id: string): readonly Cut[] {
  return cutsAt(net, nodeOf(net, id), "x");
}

describe("what stands for a revoked author", () => {
  test("ME1 the parts that its revocation names are shown by everybody in the input that ends its chain, and nobody sees them gone", () => {
    const net = mesh();
    const events = nodeOf(net, "b").eventsOf("robot-state").length;
    net.state("a", fleet.revocation("x", cutAt(net, "a")));
    net.run();
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
    net.advance(1_000);
    for (const id of ["a", "b", "c"]) expect(rowsOf(nodeOf(net, id), "x")).toEqual([]);
    expect(nodeOf(net, "b").eventsOf("robot-state")).toHaveLength(events);
  });

  test("ME1 P1 a document that a revocation does not name keeps nothing, wherever the chain is", () => {
    const net = mesh();
    net.state("a", fleet.revocation("x"));
    net.advance(1_000);
    expect(shown(net)).toEqual(["-,-,-", "-,-,-", "-,-,-"]);
    expect(nodeOf(net, "x").chains.records.robots()).toEqual([]);
    // It keeps its own word, as nobody else would bring it back should the revocation turn out to be void.
    expect(rowsOf(nodeOf(net, "x"), "x").length).toBeGreaterThan(0);
    expect(nodeOf(net, "x").chains.heads()).toEqual([]);
  });

  test("ME1 P1 who is past the place, was away or comes later gets the parts from whoever has them, and shows nothing before it has all", () => {
    const net = mesh();
    const cuts = cutAt(net, "a");
    net.unlink("a", "x");
    net.unlink("a", "b");
    net.unlink("a", "c");
    // Written after the place and known to nobody who cuts.
    net.patch("x", "r0", { v: "late" });
    net.restart("x", 2);
    net.patch("x", "r7", { v: "late" });
    net.advance(3_000);
    expect(shown(net)).toEqual(["0,1,2", "late,1,2", "late,1,2"]);
    net.state("a", fleet.revocation("x", cuts));
    net.drop = ({ bytes }) => Buffer.from(bytes.subarray(2, 6)).toString() === "have";
    net.link("a", "b");
    net.advance(3_000);
    expect(shownAt(nodeOf(net, "b"), "r0")).toBeUndefined();
    const missing = (): readonly number[] => IDS.map((id) => nodeOf(net, id).chains.missingParts);
    const named = cuts.flatMap(({ parts }) => parts).length;
    expect([named, missing()]).toEqual([1, [0, named, named, named]]);
    net.drop = () => false;
    net.add("late", 1);
    net.link("late", "b");
    net.advance(100_000);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2", "0,1,2"]);
    for (const node of net.nodes.values()) expect(shownAt(node, "r7")).toBeUndefined();
    expect(missing()).toEqual([0, 0, 0, 0]);
  });

  test("ME1 P5 a restart shows the same without the chain, also of whoever has only a part of the parts", () => {
    const net = mesh();
    net.state("a", fleet.revocation("x", cutAt(net, "a")));
    net.advance(1_000);
    const hash = nodeOf(net, "a").chains.records.documentHash();
    for (const boot of [2, 3]) {
      for (const id of IDS) net.restart(id, boot);
      for (const id of IDS) expect(nodeOf(net, id).chains.records.documentHash()).toBe(hash);
    }
    const rows = new Map([...nodeOf(net, "b").rows].filter(([key]) => !key.startsWith("part/")));
    net.restart("b", 4, rows);
    expect(shownAt(nodeOf(net, "b"), "r1")).toBeUndefined();
    net.advance(1_000);
    expect(shownAt(nodeOf(net, "b"), "r1")).toBe(1);
  });

  test("ME1 P1 of two revocations the lower place stands in whatever order they come, and its parts replace the others", () => {
    const net = mesh();
    const low = fleet.revocation("x", cutAt(net, "a"));
    net.patch("x", "r0", { v: "later" });
    net.advance(1_000);
    const high = fleet.revocation("x", cutAt(net, "b"), { reason: "again" });
    net.unlink("a", "b");
    net.unlink("b", "c");
    net.unlink("b", "x");
    net.state("b", high);
    net.state("a", low);
    net.advance(1_000);
    expect(shown(net)).toEqual(["0,1,2", "later,1,2", "0,1,2"]);
    net.link("b", "c");
    net.advance(100_000);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
  });

  test("ME1 ME2 where the lower one of two turns out to be void the higher one stands again, also after a restart, and nobody lacks its parts", () => {
    const net = mesh();
    const low = fleet.revocation("x", cutAt(net, "a"), { signer: fleet.key("thief") });
    net.patch("x", "r0", { v: "later" });
    net.advance(1_000);
    net.state("b", fleet.revocation("x", cutAt(net, "b")));
    net.advance(1_000);
    net.state("a", low);
    net.advance(1_000);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
    for (const id of IDS) net.restart(id, 2);
    net.state("a", VOID);
    net.advance(100_000);
    expect(shown(net)).toEqual(["later,1,2", "later,1,2", "later,1,2"]);
    // Those of the void one stay: whoever has stolen the root's key may have made it void.
    for (const id of ["a", "b", "c"]) {
      const parts = [...nodeOf(net, id).rows.keys()].filter((key) => key.startsWith("part/"));
      expect(parts).toHaveLength(2);
    }
  });

  test("ME1 ME2 a revocation that a thief of the root's key makes void stands again with the rotation, and its parts are here, also after a restart", () => {
    const net = mesh();
    net.state("a", fleet.revocation("x", cutAt(net, "a")));
    net.advance(1_000);
    net.unlink("x", "a");
    net.unlink("x", "b");
    net.unlink("x", "c");
    const previous = TestAuthority.idOf(ROOT);
    const voids = issuers.map(({ key }) => ({ key, kept: [] }));
    net.state("a", fleet.root({ number: 2, previous, issuers, voids }));
    net.advance(1_000);
    expect(shown(net)).toEqual(["-,-,-", "-,-,-", "-,-,-"]);
    for (const id of ["a", "b", "c"]) net.restart(id, 2);
    net.state("a", fleet.root({ number: 2, previous, issuers, signer: fleet.key("root 2") }));
    net.advance(1_000);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
    for (const id of ["a", "b", "c"]) net.restart(id, 3);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
  });

  test("ME1 ME2 where the revocation turns out to be void the author's chains come back, from itself if from nobody else", () => {
    const net = mesh();
    net.state("a", fleet.revocation("x", [], { signer: fleet.key("thief") }));
    net.advance(1_000);
    expect(shown(net)).toEqual(["-,-,-", "-,-,-", "-,-,-"]);
    net.state("a", VOID);
    net.advance(100_000);
    expect(shown(net)).toEqual(["0,1,2", "0,1,2", "0,1,2"]);
    expect(net.patch("x", "r0", { v: "x" })).toMatchObject({ ok: true });
    net.advance(1_000);
    for (const id of IDS) net.restart(id, 2);
    expect(shown(net)).toEqual(["x,1,2", "x,1,2", "x,1,2"]);
  });

  test("ME2 P5 what comes back before the last rows of it were deleted is on disk afterwards", () => {
    const net = mesh();
    for (const boot of [2, 3, 4]) {
      net.restart("x", boot);
      net.patch("x", "r0", { v: boot });
      net.advance(1_000);
    }
    net.state("a", fleet.revocation("x", [], { signer: fleet.key("thief") }), VOID);
    net.unlink("a", "x");
    // Before any of the timers by which rows are deleted epoch after epoch.
    net.link("a", "x");
    net.run();
    expect(shownAt(nodeOf(net, "a"), "r0")).toBe(4);
    net.advance(1_000);
    for (const peer of ["b", "c", "x"]) net.unlink("a", peer);
    net.restart("a", 2);
    expect([0, 1, 2].map((i) => shownAt(nodeOf(net, "a"), `r${i}`))).toEqual([4, 1, 2]);
  });

  test("ME1 CH3 a part that the gate refuses shows nothing, is told once, and is not asked for again", () => {
    const net = mesh();
    const junk = new TextEncoder().encode("no part");
    const hash = Buffer.from(sha256(junk)).toString("hex");
    const [cut] = cutAt(net, "a");
    net.state("a", fleet.revocation("x", [{ ...(cut as Cut), parts: [hash] }]));
    net.advance(1_000);
    const a = nodeOf(net, "a");
    // Whoever has it hands it over when it is asked.
    nodeOf(net, "b").rows.set(`part/${hash}`, junk);
    net.advance(100_000);
    expect(a.eventsOf("quarantined")).toEqual([
      { type: "quarantined", what: "custody/reported/x", reason: "snapshot-bad" },
    ]);
    expect(shownAt(a, "r0")).toBeUndefined();
    const { framesSent } = net;
    net.advance(25_000);
    expect(net.framesSent - framesSent).toBeLessThan(20);
  });

  test("ME1 P6 parts that nobody has are asked for ever less often, at most once a round", () => {
    const net = mesh();
    const [cut] = cutAt(net, "a");
    const nowhere = "ab".repeat(32);
    net.state("a", fleet.revocation("x", [{ ...(cut as Cut), parts: [nowhere] }]));
    net.advance(300_000);
    let wants = 0;
    net.drop = ({ from, bytes }) => {
      if (from === "a" && Buffer.from(bytes).includes("want")) wants++;
      return false;
    };
    net.advance(300_000);
    expect(wants).toBeGreaterThan(0);
    expect(wants).toBeLessThanOrEqual(3 * 11);
  });

  test("CH2 ME1 the client id of custody is no chain's, whatever its epoch", () => {
    const { env } = nodeOf(mesh(), "a");
    const ids = [1, 2, 3].flatMap((epoch) =>
      [0, 1, 2].map((seq) =>
        generationClientId(env, { document: "reported", author: "x", epoch }, seq),
      ),
    );
    const custody = custodyClientId(env, "reported", "x");
    expect(ids).not.toContain(custody);
    expect(
      generationClientId(env, { document: "reported", author: "x", epoch: CUSTODY_EPOCH }, 0),
    ).not.toBe(custody);
    expect(custody).toBeGreaterThan(2 ** 32);
    expect(custodyClientId(env, "roster", "x")).not.toBe(custody);
  });
});

describe("custody of many robots", () => {
  /** x has written about {@link MANY} robots of half a kilobyte. */
  function large(): VirtualMesh {
    const net = mesh();
    for (let i = 0; i < MANY; i++) net.patch("x", `s${i}`, { v: "y".repeat(500) });
    net.advance(3_000);
    return net;
  }

  function cutSlowly(net: VirtualMesh): { readonly cuts: readonly Cut[]; readonly inputs: number } {
    let cuts: readonly Cut[] | undefined;
    const a = nodeOf(net, "a");
    net.input(a, () => a.chains.makeCuts("x", (made) => (cuts = made)));
    expect(cuts).toBeUndefined();
    let inputs = 0;
    for (; cuts === undefined && inputs < 100; inputs++) net.advance(1);
    return { cuts: cuts ?? [], inputs };
  }

  test("ME1 CH2 it is cut, taken and fetched a part an input, and is the same everywhere", () => {
    const net = large();
    const { cuts, inputs } = cutSlowly(net);
    const parts = cuts[0]?.parts ?? [];
    expect(parts.length).toBeGreaterThan(1);
    expect(inputs).toBeGreaterThanOrEqual(parts.length);
    expect(cuts[0]?.robots).toBe(MANY + 3);
    net.patch("x", "s1", { v: "after" });
    net.advance(1_000);
    const revocation = fleet.revocation("x", cuts);
    expect(revocation.length).toBeLessThan(GOSSIP_BYTES_MAX);
    net.state("a", revocation);
    net.add("late", 1);
    net.linkAll();
    net.advance(100_000);
    const hashes = [...net.nodes.values()].map(({ chains }) => chains.records.documentHash());
    expect(new Set(hashes).size).toBe(1);
    expect(shownAt(nodeOf(net, "late"), "s1")).toBe("y".repeat(500));
    net.restart("late", 2);
    expect(nodeOf(net, "late").chains.records.documentHash()).toBe(hashes[0]);
  });

  test("ME1 P5 a crash between any two commits of a revocation leaves a state from which the next start ends where everybody else is", () => {
    const net = large();
    net.restart("x", 2);
    net.patch("x", "r0", { v: "second epoch" });
    net.advance(3_000);
    const { cuts } = cutSlowly(net);
    const before = nodeOf(net, "b").chains.records.documentHash();
    const events = nodeOf(net, "b").eventsOf("robot-state").length;
    const b = nodeOf(net, "b");
    for (const peer of ["a", "c", "x"]) net.unlink("b", peer);
    const disks: Map<string, Uint8Array>[] = [];
    b.committed = () => disks.push(new Map(b.rows));
    net.state("b", fleet.revocation("x", cuts));
    // What was there at that place is shown on while the parts are written.
    expect(b.chains.records.documentHash()).toBe(before);
    net.advance(1_000);
    expect(b.eventsOf("robot-state")).toHaveLength(events);
    const hash = b.chains.records.documentHash();
    expect(shownAt(b, "r0")).toBe("second epoch");
    expect(disks.length).toBeGreaterThan(3);
    for (const [i, disk] of disks.entries()) {
      net.restart("b", 3 + i, disk);
      net.advance(1_000);
      const again = nodeOf(net, "b");
      // It is alone, so nobody hands it a part: what it can show it has found on its own disk.
      expect([i, again.chains.records.documentHash()]).toEqual([i, hash]);
      expect([i, rowsOf(again, "x")]).toEqual([i, []]);
    }
  });
});
