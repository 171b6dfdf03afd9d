import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { VirtualMesh, VirtualNode } from "./virtual-mesh.test-support.ts";

const AUTHORS = 12;
const PAGE_ROWS = 5;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** The rows of a node that holds a chain of each author. */
function storedRows(): VirtualNode {
  const net = new VirtualMesh({ sha256, documents: createMemoryDocuments });
  for (let i = 0; i < AUTHORS; i++) net.add(`author-${10 + i}`, 1);
  for (const id of net.nodes.keys())
    for (let n = 0; n < 3; n++) {
      net.patch(id, `${id}-bot-${n}`, { n });
      net.run();
    }
  net.linkAll();
  net.advance(130_000);
  return net.nodes.get("author-10") as VirtualNode;
}

test("DU1 P4 with chains last, each epoch is built as soon as its rows are here, behind one signature", () => {
  const { env, rows } = storedRows();
  const asked: string[] = [];
  const { signature } = env.ports;
  const ports = {
    ...env.ports,
    documents: createMemoryDocuments(),
    signature: {
      ...signature,
      verify: (author: string, bytes: Uint8Array, of: Uint8Array): boolean => {
        asked.push(author);
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
  // Of the last one nobody knows before the end that its rows have all come.
  expect(new Set(asked).size).toBe(AUTHORS - 1);
  node.chains.restored(now);
  expect(asked).toHaveLength(AUTHORS);
  expect(node.chains.records.robots()).toHaveLength(3 * AUTHORS);
});
