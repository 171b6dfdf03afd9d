/** More robots than a node may have come and go on it: what is left of them fits into its snapshot, which others take. */
import { createHash } from "node:crypto";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { expect, test } from "vitest";
import { AUTHOR_ROBOTS_MAX } from "../../packages/core/src/chain/limits.ts";
import { VirtualMesh } from "../../packages/core/src/chain/virtual-mesh.test-support.ts";

/** What one input registers and retires. */
const AT_ONCE = 500;
const JOBS = AUTHOR_ROBOTS_MAX + AT_ONCE;

test("CH4 P6 after more than AUTHOR_ROBOTS_MAX retirements on one node, newcomers and its own restart hold them all retired", () => {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const net = new VirtualMesh({ sha256, documents: createYjsDocuments });
  const home = net.add("a", 1);
  const { records } = home.chains;
  const claim = new Map([["/schedule", ["every", 60_000, 0, 3, 60_000]]]);
  const jobs = Array.from({ length: JOBS }, (_, i) => `job-${i}`);
  for (let at = 0; at < JOBS; at += AT_ONCE) {
    net.input(home, (now) => {
      for (const job of jobs.slice(at, at + AT_ONCE)) {
        expect(records.write(job, claim, now).ok).toBe(true);
        expect(records.retire(job, now).ok).toBe(true);
      }
    });
    net.advance(100);
  }
  // Until the next snapshot, which holds them all: after it there are few entries.
  const entries = (): number =>
    [...home.rows.keys()].filter((key) => key.startsWith("chain/")).length;
  for (let lap = 0; lap < 1_100 && entries() > 10; lap++) {
    net.write("a", "works-on", { "/health": lap % 2 === 0 ? "ok" : "failing" });
    net.advance(10);
  }
  expect(entries()).toBeLessThanOrEqual(10);
  const newcomer = net.add("b", 1);
  net.link("a", "b");
  net.advance(5_000);
  expect(newcomer.eventsOf("rejected")).toEqual([]);
  for (const { chains } of [newcomer, net.restart("a", 2)]) {
    const retired = jobs.filter((job) => chains.records.standing(job).retiredBy === "a");
    expect([retired.length, chains.records.robots()]).toEqual([JOBS, ["works-on"]]);
  }
});
