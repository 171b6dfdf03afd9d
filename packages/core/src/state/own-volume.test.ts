import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { AUTHOR_IDS_MAX, AUTHOR_LIVE_BYTES_MAX, AUTHOR_ROBOTS_MAX } from "../chain/limits.ts";
import { VirtualMesh } from "../chain/virtual-mesh.test-support.ts";

function mesh(): VirtualMesh {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  return new VirtualMesh({ sha256, documents: createMemoryDocuments });
}

describe("what one author may write", () => {
  test("P6 one author writes AUTHOR_ROBOTS_MAX robots, further ones are refused", () => {
    const node = mesh().add("a", 1);
    const own = { document: "reported", author: "a", epoch: 1 } as const;
    const value = { f: { "/health": [1, "ok"] }, t: {} };
    node.chains.records.table.apply(
      own,
      Array.from({ length: AUTHOR_ROBOTS_MAX }, (_, i) => ({ robot: `bot-${i}`, value })),
    );
    expect(
      node.chains.records.write("one-more", new Map([["/health", "ok"]]), { monoMs: 0, wallMs: 1 }),
    ).toEqual({ ok: false, code: "robots-max" });
    expect(
      node.chains.records.write("bot-0", new Map([["/health", "failing"]]), {
        monoMs: 0,
        wallMs: 1,
      }),
    ).toEqual({ ok: true });
  });

  test("P6 AUTHOR_ROBOTS_MAX counts the robots of all own epochs, as the next snapshot has to hold them", () => {
    const node = mesh().add("a", 5);
    const value = { f: { "/health": [1, "ok"] }, t: {} };
    node.chains.records.table.apply(
      { document: "reported", author: "a", epoch: 1 },
      Array.from({ length: AUTHOR_ROBOTS_MAX }, (_, i) => ({ robot: `bot-${i}`, value })),
    );
    const write = (robot: string) =>
      node.chains.records.write(robot, new Map([["/health", "ok"]]), { monoMs: 0, wallMs: 1 });
    expect(write("one-more")).toEqual({ ok: false, code: "robots-max" });
    expect(write("bot-1")).toEqual({ ok: true });
  });

  test("P6 CH4 retired robots take no robot's place: more than AUTHOR_ROBOTS_MAX come and go on one node", () => {
    const { records } = mesh().add("a", 1).chains;
    const now = { monoMs: 0, wallMs: 1_800_000_000_000 };
    const claim = new Map([["/schedule", ["every", 60_000, 0, 3, 60_000]]]);
    const robots = Array.from({ length: AUTHOR_ROBOTS_MAX + 10 }, (_, i) => `job-${i}`);
    const refused = robots.filter(
      (robot) => !records.write(robot, claim, now).ok || !records.retire(robot, now).ok,
    );
    expect(refused).toEqual([]);
    expect(records.writtenIds).toEqual({ robots: 0, markers: robots.length });
    expect(records.robots()).toEqual([]);
  });

  test("P6 AUTHOR_IDS_MAX ids are all that an author writes about, retired ones counted; whatever it has may be retired, and come back while there is room for a robot", () => {
    const node = mesh().add("a", 1);
    const now = { monoMs: 0, wallMs: 1_800_000_000_000 };
    const { records } = node.chains;
    const marker = { f: { "/schedule": [1, null] }, t: {}, r: 5 };
    const robot = { f: { "/schedule": [6, ["every", 60_000, 0, 3, 60_000]] }, t: {}, r: 5 };
    records.table.apply(
      { document: "reported", author: "a", epoch: 1 },
      Array.from({ length: AUTHOR_IDS_MAX }, (_, i) => ({
        robot: `bot-${i}`,
        value: i < AUTHOR_ROBOTS_MAX ? robot : marker,
      })),
    );
    const write = (id: string) => records.write(id, new Map([["/schedule", ["x"]]]), now);
    const full = { ok: false, code: "robots-max" };
    const last = `bot-${AUTHOR_ROBOTS_MAX}`;
    expect([write("new"), write(last), write("bot-0")]).toEqual([full, full, { ok: true }]);
    expect(records.retire("bot-0", now)).toEqual({ ok: true });
    expect([write("new"), write(last), write("bot-0")]).toEqual([full, { ok: true }, full]);
    expect(records.writtenIds).toEqual({
      robots: AUTHOR_ROBOTS_MAX,
      markers: AUTHOR_IDS_MAX - AUTHOR_ROBOTS_MAX,
    });
  });

  test("P6 CH2 one author writes AUTHOR_LIVE_BYTES_MAX of records; beyond that only what makes them smaller is taken", () => {
    const node = mesh().add("a", 5);
    const now = { monoMs: 0, wallMs: 1_800_000_000_000 };
    const { records } = node.chains;
    const text = "x".repeat(12_000);
    const held = Math.floor(AUTHOR_LIVE_BYTES_MAX / 12_100);
    records.table.apply(
      { document: "reported", author: "a", epoch: 1 },
      Array.from({ length: held }, (_, i) => ({
        robot: `bot-${i}`,
        value: { f: { "/state/a": [1, text] }, t: {} },
      })),
    );
    let written = 0;
    while (records.patchState(`new-${written}`, { text }, undefined, now).ok) written += 1;
    expect((held + written) * 12_100).toBeGreaterThan(AUTHOR_LIVE_BYTES_MAX - 24_000);
    expect((held + written) * 12_000).toBeLessThanOrEqual(AUTHOR_LIVE_BYTES_MAX);
    expect(records.patchState("one-more", { text }, undefined, now)).toMatchObject({
      ok: false,
      code: "state-too-large",
    });
    expect(records.patchState("bot-0", { a: null }, undefined, now).ok).toBe(true);
    expect(records.patchState("one-more", { text: "x" }, undefined, now).ok).toBe(true);
  });
});
