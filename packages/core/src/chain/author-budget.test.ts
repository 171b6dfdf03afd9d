import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import {
  AUTHOR_BURST_BYTES_MAX,
  AUTHOR_BURST_ENTRIES_MAX,
  AUTHOR_BYTES_PER_SECOND_MAX,
  AUTHOR_ENTRIES_PER_SECOND_MAX,
  AuthorBudgets,
} from "./author-budget.ts";
import { EPOCHS_MAX } from "./limits.ts";
import { LyingAuthor } from "./lying-author.test-support.ts";
import { VirtualMesh } from "./virtual-mesh.test-support.ts";

function at(monoMs: number): { readonly monoMs: number; readonly wallMs: number } {
  return { monoMs, wallMs: monoMs };
}

/** How many entries of so many bytes are taken. */
function taken(budgets: AuthorBudgets, author: string, bytes: number, monoMs: number): number {
  let count = 0;
  while (budgets.take(author, bytes, at(monoMs))) count += 1;
  return count;
}

describe("budgets of authors", () => {
  test("P6 AUTHOR_BURST_ENTRIES_MAX entries at once and AUTHOR_ENTRIES_PER_SECOND_MAX a second are taken of one author, whatever others do", () => {
    const budgets = new AuthorBudgets();
    expect(taken(budgets, "a", 1, 0)).toBe(AUTHOR_BURST_ENTRIES_MAX);
    expect(taken(budgets, "a", 1, 2_000)).toBe(2 * AUTHOR_ENTRIES_PER_SECOND_MAX);
    expect(taken(budgets, "b", 1, 2_000)).toBe(AUTHOR_BURST_ENTRIES_MAX);
    expect(taken(budgets, "a", 1, 1_000_000)).toBe(AUTHOR_BURST_ENTRIES_MAX);
  });

  test("P6 AUTHOR_BURST_BYTES_MAX at once and AUTHOR_BYTES_PER_SECOND_MAX a second are taken of one author", () => {
    const budgets = new AuthorBudgets();
    const entryBytes = 16 * 1024;
    expect(taken(budgets, "a", entryBytes, 0)).toBe(AUTHOR_BURST_BYTES_MAX / entryBytes);
    expect(taken(budgets, "a", entryBytes, 1_000)).toBe(AUTHOR_BYTES_PER_SECOND_MAX / entryBytes);
  });

  test("P6 SG4 what is beyond the budget is ignored and counted, the relay is not punished, and the author comes back to it later", () => {
    const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
    const net = new VirtualMesh({ sha256, documents: createMemoryDocuments });
    const node = net.add("a", 1);
    const liar = new LyingAuthor(net.add("m", 0).env, createMemoryDocuments);
    const gossip = (epoch: number): unknown => {
      let result: unknown;
      net.input(node, (now) => {
        result = node.chains.onGossip("m", liar.header(epoch).bytes, now);
      });
      return result;
    };
    for (let epoch = 1; epoch <= AUTHOR_BURST_ENTRIES_MAX; epoch++) gossip(epoch);
    expect(gossip(AUTHOR_BURST_ENTRIES_MAX + 1)).toBe("ignore");
    expect(node.eventsOf("rejected")).toMatchObject([{ reason: "author-budget", from: "m" }]);
    const rows = [...node.rows.keys()].filter((key) => key.startsWith("chain/reported/m/"));
    expect(rows).toHaveLength(EPOCHS_MAX);
    net.advance(1_000);
    expect(gossip(AUTHOR_BURST_ENTRIES_MAX + 1)).toBe("accept");
  });
});
