import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { AHEAD_BYTES_MAX } from "./chain-restore.ts";
import { decodeEntry } from "./entry.ts";
import { VirtualMesh, VirtualNode } from "./virtual-mesh.test-support.ts";

const AUTHORS = 12;
const PAGE_ROWS = 5;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** The rows of a node that holds a chain of about 45 kB of each author. */
function storedRows(): VirtualNode {
  const net = new VirtualMesh({ sha256, documents: createMemoryDocuments });
  for (let i = 0; i < AUTHORS; i++) net.add(`author-${10 + i}`, 1);
  for (const id of net.nodes.keys())
    for (let n = 0; n < 3; n++) {
      net.patch(id, `${id}-bot-${n}`, { text: String(n).repeat(15_000) });
      net.run();
    }
  net.linkAll();
  net.advance(130_000);
  return net.nodes.get("author-10") as VirtualNode;
}

test("CH5 DU1 the signatures of whole epochs of up to AHEAD_BYTES_MAX are foreseen before one is asked for, and each epoch is built while others are read", () => {
  const { env, rows } = storedRows();
  const ahead = new Map<string, number>();
  let aheadBytesMax = 0;
  let asked = 0;
  let unforeseen = 0;
  const bytesByAuthor = new Map<string, number>();
  for (const [key, value] of rows)
    if (key.startsWith("chain/")) {
      const decoded = decodeEntry(env, value);
      const author = decoded.ok ? decoded.entry.author : "";
      bytesByAuthor.set(author, (bytesByAuthor.get(author) ?? 0) + value.length);
    }
  const { signature } = env.ports;
  const ports = {
    ...env.ports,
    documents: createMemoryDocuments(),
    signature: {
      ...signature,
      verifySoon: (author: string): void => {
        ahead.set(author, bytesByAuthor.get(author) ?? 0);
        const bytes = [...ahead.values()].reduce((sum, each) => sum + each, 0);
        aheadBytesMax = Math.max(aheadBytesMax, bytes);
      },
      verify: (author: string, bytes: Uint8Array, of: Uint8Array): boolean => {
        asked += 1;
        if (!ahead.delete(author)) unforeseen += 1;
        return signature.verify(author, bytes, of);
      },
    },
  };
  const node = new VirtualNode("author-10", new Map(rows), ports, coreConfig({}));
  const scanned = node.scan({ gte: "", lt: "~" });
  const isChain = ({ key }: { readonly key: string }): boolean => key.startsWith("chain/");
  const ordered = [...scanned.filter((row) => !isChain(row)), ...scanned.filter(isChain)];
  const now = { monoMs: 0, wallMs: 1_800_000_000_000 };
  for (let at = 0; at < ordered.length; at += PAGE_ROWS)
    node.chains.restore(ordered.slice(at, at + PAGE_ROWS), now);
  const biggest = Math.max(...bytesByAuthor.values());
  expect(aheadBytesMax).toBeGreaterThan(AHEAD_BYTES_MAX - biggest);
  expect(aheadBytesMax).toBeLessThanOrEqual(AHEAD_BYTES_MAX + biggest);
  expect(asked).toBeGreaterThan(AUTHORS / 3);
  node.chains.restored(now);
  // Of the last epoch nobody knows before the end that its rows have all come.
  expect(unforeseen).toBe(1);
  expect(node.chains.records.robots()).toHaveLength(3 * AUTHORS);
});
