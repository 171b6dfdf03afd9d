import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { ChainIndex } from "../chain/chain-index.ts";
import type { Entry } from "../chain/entry.ts";
import { VirtualMesh } from "../chain/virtual-mesh.test-support.ts";
import { PULLS_MAX, Pulls, STAGED_PARTS_ALL_BYTES_MAX, STAGED_PARTS_BYTES_MAX } from "./pulls.ts";

const node = new VirtualMesh({
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  documents: createMemoryDocuments,
}).add("a", 1);

/** Pulls that wait for these parts of one snapshot. */
function waitingFor(
  parts: readonly string[],
  staged: { bytes: number },
  isPreparing: () => boolean = () => false,
): Pulls {
  const pulls = new Pulls(new ChainIndex(node.env), staged, isPreparing);
  pulls.add("reported", "x", 1, 9, false);
  const manifest = { kind: "snapshot", parts, robots: 1, covers: [] } as const;
  pulls.await(
    { document: "reported", author: "x", epoch: 1, bytes: new Uint8Array(1) } as unknown as Entry,
    manifest,
  );
  pulls.ask();
  return pulls;
}

describe("pulls", () => {
  test("CH6 P6 parts that no manifest names which is waited for are not staged, those of one up to STAGED_PARTS_BYTES_MAX", () => {
    const staged = { bytes: 0 };
    const pulls = waitingFor(["aa", "bb"], staged);
    expect(pulls.stage("cc", new Uint8Array(1))).toBe(false);
    expect(pulls.stage("aa", new Uint8Array(STAGED_PARTS_BYTES_MAX))).toBe(true);
    expect(pulls.stage("bb", new Uint8Array(1))).toBe(false);
    expect(staged.bytes).toBe(STAGED_PARTS_BYTES_MAX);
    pulls.clear();
    expect(staged.bytes).toBe(0);
  });

  test("CH6 P6 all peers together stage STAGED_PARTS_ALL_BYTES_MAX of parts", () => {
    const staged = { bytes: 0 };
    const part = new Uint8Array(STAGED_PARTS_BYTES_MAX);
    const peers = STAGED_PARTS_ALL_BYTES_MAX / STAGED_PARTS_BYTES_MAX;
    const full = Array.from({ length: peers }, () => waitingFor(["aa"], staged));
    for (const pulls of full) expect(pulls.stage("aa", part)).toBe(true);
    expect(waitingFor(["aa"], staged).stage("aa", new Uint8Array(1))).toBe(false);
    full[0]?.clear();
    expect(waitingFor(["aa"], staged).stage("aa", new Uint8Array(1))).toBe(true);
  });

  test("CH2 CH6 of an epoch whose snapshot is being taken in nothing is asked and nothing given up; both go on when that is over", () => {
    let preparing = false;
    const pulls = new Pulls(new ChainIndex(node.env), { bytes: 0 }, () => preparing);
    pulls.add("reported", "x", 1, 9, false);
    expect(pulls.ask()).toHaveLength(1);
    preparing = true;
    pulls.answered(false);
    expect([pulls.isEmpty, pulls.ask(), pulls.isEmpty]).toEqual([false, undefined, false]);
    preparing = false;
    expect(pulls.ask()).toHaveLength(1);
    pulls.answered(false);
    expect(pulls.isEmpty).toBe(true);
  });

  test("CH2 a snapshot with all its parts is taken in once, however many answers come meanwhile", () => {
    let preparing = false;
    const pulls = waitingFor(["aa"], { bytes: 0 }, () => preparing);
    pulls.stage("aa", new Uint8Array(1));
    expect(pulls.ready()).toHaveLength(1);
    preparing = true;
    expect(pulls.ready()).toEqual([]);
  });

  test("CH6 a peer makes a node ask for at most PULLS_MAX epochs", () => {
    const pulls = new Pulls(new ChainIndex(node.env), { bytes: 0 }, () => false);
    for (let i = 0; i < PULLS_MAX + 10; i++) pulls.add("reported", `x${i}`, 1, 1, false);
    let asked = 0;
    while (!pulls.isEmpty) {
      asked += pulls.ask()?.length ?? 0;
      pulls.answered(false);
    }
    expect(asked).toBe(PULLS_MAX);
  });
});
