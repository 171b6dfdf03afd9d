import { createHash } from "node:crypto";
import { createMemoryDocuments, TestAuthority, testTokens } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { RejectReason } from "../event.ts";
import { cutsAt, rowsOf, shownAt } from "./closed-mesh.test-support.ts";
import { LyingAuthor } from "./lying-author.test-support.ts";
import { REFUSED_AUTHORS_MAX, RefusedAuthors } from "./refused-authors.ts";
import { VirtualMesh } from "./virtual-mesh.test-support.ts";

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const fleet = new TestAuthority();
const ROOT = fleet.root();
const deps = { sha256, documents: createMemoryDocuments, tokens: testTokens, fleet: fleet.fleet };

/** Nodes a, b and c, linked, of which a and b have grants where the fleet is closed. */
function mesh(isClosed: boolean): VirtualMesh {
  const net = new VirtualMesh(deps);
  for (const id of ["a", "b", "c"]) net.add(id, 1);
  net.linkAll();
  if (isClosed) net.state("a", ROOT, fleet.grant("a"), fleet.grant("b"));
  net.advance(1_000);
  return net;
}

function reasons(net: VirtualMesh, id: string): readonly (RejectReason | undefined)[] {
  const events = net.nodes.get(id)?.eventsOf("rejected") ?? [];
  return events.map((event) => (event.type === "rejected" ? event.reason : undefined));
}

describe("whose entries count", () => {
  test.each([
    ["author-unknown", []],
    ["author-observer", [fleet.grant("m", { roles: ["observer"] })]],
    ["author-revoked", [fleet.grant("m"), fleet.revocation("m")]],
  ] as const)(
    "ME3 SG4 an entry is refused as %s, ignored, before its signature is looked at, and nothing is stored",
    (reason, statements) => {
      const net = mesh(true);
      net.state("a", ...statements);
      const { env } = new VirtualMesh(deps).add("m", 0);
      const { bytes } = new LyingAuthor(env, createMemoryDocuments).header(1);
      const forged = bytes.map((byte, i) => (i > bytes.length - 8 ? byte ^ 1 : byte));
      const a = net.nodes.get("a");
      for (const entry of [bytes, forged]) {
        let validation: string | undefined;
        if (a !== undefined)
          net.input(a, (now) => (validation = a.chains.onGossip("b", entry, now)));
        expect(validation).toBe("ignore");
      }
      expect(reasons(net, "a").slice(-2)).toEqual([reason, reason]);
      expect(rowsOf(a, "m")).toEqual([]);
    },
  );

  test("ME3 what was refused for want of a grant comes when the grant does, long before the next round", () => {
    const net = mesh(true);
    net.state("a", fleet.grant("d"));
    net.gossip = false;
    net.drop = ({ bytes }) => Buffer.from(bytes).includes("statement");
    net.add("d", 1);
    net.link("a", "d");
    net.patch("d", "r", { v: 1 });
    net.advance(31_000);
    expect([shownAt(net.nodes.get("a"), "r"), shownAt(net.nodes.get("b"), "r")]).toEqual([1, 1]);
    net.add("e", 1);
    net.link("a", "e");
    net.patch("e", "s", { v: 2 });
    net.advance(31_000);
    expect(shownAt(net.nodes.get("a"), "s")).toBeUndefined();
    net.state("a", fleet.grant("e"));
    net.advance(1_000);
    expect(shownAt(net.nodes.get("a"), "s")).toBe(2);
  });

  test("ME3 P1 what a fleet held of a stranger before it was closed is kept on disk, and neither shown, nor told, nor asked for", () => {
    const net = mesh(false);
    net.patch("c", "r", { v: 1 });
    net.advance(1_000);
    const [a, b] = [net.nodes.get("a"), net.nodes.get("b")];
    net.state("a", ROOT, fleet.grant("a"), fleet.grant("b"), fleet.grant("late"));
    net.advance(1_000);
    expect(shownAt(a, "r")).toBeUndefined();
    expect(rowsOf(a, "c").length).toBeGreaterThan(0);
    const late = net.add("late", 1);
    net.link("a", "late");
    net.link("c", "late");
    net.advance(100_000);
    expect(rowsOf(late, "c")).toEqual([]);
    for (const node of [b, late]) {
      expect(node?.chains.digestOf("reported")).toEqual(a?.chains.digestOf("reported"));
      expect(node?.chains.records.documentHash()).toBe(a?.chains.records.documentHash());
    }
    // Also after a restart, and until it has a grant.
    net.restart("a", 2);
    expect(shownAt(net.nodes.get("a"), "r")).toBeUndefined();
    net.state("a", fleet.grant("c"));
    net.advance(1_000);
    for (const id of ["a", "b", "late"]) expect(shownAt(net.nodes.get(id), "r")).toBe(1);
  });

  test("ME3 CH6 nodes of which one holds a stranger's chain ask each other for nothing, round after round", () => {
    const net = mesh(false);
    net.patch("c", "r", { v: 1 });
    net.advance(1_000);
    net.unlink("a", "c");
    net.unlink("b", "c");
    net.state("a", ROOT, fleet.grant("a"), fleet.grant("b"), fleet.grant("late"));
    net.add("late", 1);
    net.link("a", "late");
    net.advance(100_000);
    let wants = 0;
    net.drop = ({ bytes }) => {
      if (Buffer.from(bytes).includes("want") || Buffer.from(bytes).includes("vector")) wants++;
      return false;
    };
    net.advance(600_000);
    expect(wants).toBe(0);
  });

  test("P6 of REFUSED_AUTHORS_MAX authors it is remembered who spoke of them, the newest ones", () => {
    const refused = new RefusedAuthors();
    for (let i = 0; i <= REFUSED_AUTHORS_MAX; i++) refused.note(`n${i}`, `from ${i}`);
    expect(refused.take((author) => author === "n0")).toEqual([]);
    expect(refused.take((author) => author === "n1" || author === "n2")).toEqual([
      "from 1",
      "from 2",
    ]);
    expect(refused.take(() => true)).toHaveLength(REFUSED_AUTHORS_MAX - 2);
  });
});

describe("about which robots entries count", () => {
  test("ME1 P1 what the newest grant of an author does not cover is stored and not shown, and shown again once it is covered", () => {
    const net = mesh(true);
    net.state("a", fleet.grant("c", { robots: ["zap-*"] }));
    // It takes no notice of its own grant.
    const liar = new LyingAuthor(new VirtualMesh(deps).add("m", 0).env, createMemoryDocuments);
    net.state("a", fleet.grant("m", { robots: ["bot-*"] }));
    net.advance(1_000);
    net.patch("c", "zap-1", { v: 1 });
    const header = liar.header(1);
    const good = liar.delta(header.place, "x", "bot-1");
    const beyond = liar.delta(good.place, "y", "zap-1");
    for (const lie of [header, good, beyond]) liar.tell(net, "a", lie);
    net.advance(100_000);
    for (const node of net.nodes.values()) {
      expect([shownAt(node, "zap-1"), shownAt(node, "bot-1")]).toEqual([1, "x"]);
      expect(rowsOf(node, "m").filter((key) => key.startsWith("chain/"))).toHaveLength(3);
    }
    const wider = fleet.grant("m", { robots: ["*"], issuedS: 1_800_000_005 });
    net.state("b", wider);
    net.advance(1_000);
    for (const node of net.nodes.values()) expect(shownAt(node, "zap-1")).toBe(1);
    const other = fleet.grant("c", { robots: ["none"], issuedS: 1_800_000_005 });
    net.state("b", other);
    net.advance(100_000);
    for (const node of net.nodes.values()) {
      expect(shownAt(node, "zap-1")).toBe("y");
      expect(node.chains.digestOf("reported")).toEqual(
        net.nodes.get("a")?.chains.digestOf("reported"),
      );
    }
    // Who reads events hears of it as of any other change.
    expect(net.nodes.get("a")?.eventsOf("robot-state").at(-1)).toMatchObject({
      robot: "zap-1",
      state: { v: "y" },
    });
  });

  test("ME1 what a node would write beyond its own grant is refused, and nothing of it is staged", () => {
    const net = mesh(true);
    net.state("a", fleet.grant("a", { robots: ["zap-*"], issuedS: 1_800_000_005 }));
    expect(net.patch("a", "bot-1", { v: 1 })).toMatchObject({
      ok: false,
      code: "robot-not-granted",
    });
    expect(net.patch("a", "zap-1", { v: 1 })).toMatchObject({ ok: true });
    net.state("a", fleet.revocation("a"));
    expect(net.patch("a", "zap-1", { v: 2 })).toMatchObject({
      ok: false,
      code: "robot-not-granted",
    });
  });

  test("ME1 VE1 retirements of nodes are written by operators and gateways, and by a node about itself; nobody else's are shown", () => {
    const net = mesh(true);
    const roles = [["operator"], ["gateway"], ["robot"]] as const;
    for (const [i, each] of roles.entries())
      net.state("a", fleet.grant("abc"[i] as string, { roles: each, issuedS: 1_800_000_005 }));
    net.advance(1_000);
    const retirements = [
      ["a", "x"],
      ["b", "y"],
      ["c", "z"],
      ["c", "c"],
    ] as const;
    for (const [id, about] of retirements) {
      const node = net.nodes.get(id);
      if (node === undefined) continue;
      net.input(node, (now) => {
        node.chains.openRoster(now);
        node.chains.recordsOf("roster").write(about, new Map([["/retired", [1, 2]]]), now);
      });
    }
    net.advance(1_000);
    for (const { chains } of net.nodes.values())
      expect(chains.recordsOf("roster").robots()).toEqual(["c", "x", "y"]);
  });
});

describe("what those who are gone had outdone", () => {
  test("CH7 ME1 P1 what an author that left had written shows again where whoever had outdone it is revoked", () => {
    const net = mesh(true);
    net.state("a", fleet.grant("c"), fleet.grant("late"));
    net.advance(1_000);
    net.patch("c", "r", { v: "c" });
    net.advance(1_000);
    // Somebody has the chain of c and is away when it is dropped.
    net.add("late", 1);
    net.link("a", "late");
    net.advance(1_000);
    net.unlink("a", "late");
    net.patch("b", "r", { v: "b" });
    net.advance(1_000);
    for (const id of ["a", "b"]) {
      const node = net.nodes.get(id);
      net.unlink(id, "c");
      if (node !== undefined)
        net.input(node, () => expect(node.chains.membership.leave("c", 1)).toBe(true));
    }
    net.advance(100_000);
    expect(rowsOf(net.nodes.get("a"), "c").some((key) => key.startsWith("chain/"))).toBe(false);
    net.state("a", fleet.revocation("b"));
    net.link("a", "late");
    net.advance(100_000);
    expect(shownAt(net.nodes.get("a"), "r")).toBe("c");
    expect(shownAt(net.nodes.get("late"), "r")).toBe("c");
  });

  test("ME1 P1 nodes that hold the same cut an author the same", () => {
    const net = mesh(true);
    net.state("a", fleet.grant("c"));
    net.advance(1_000);
    for (let i = 0; i < 30; i++) net.patch("c", `r${i % 4}`, { v: i });
    net.restart("c", 2);
    net.patch("c", "r9", { v: 9 });
    net.advance(1_000);
    const [one, other] = ["a", "b"].map((id) => {
      const node = net.nodes.get(id);
      return node === undefined ? [] : cutsAt(net, node, "c");
    });
    expect(one).toEqual(other);
    expect(one).toMatchObject([{ document: "reported", epoch: 2, seq: 1, robots: 5 }]);
  });
});
