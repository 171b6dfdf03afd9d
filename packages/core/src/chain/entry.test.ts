import { createHash } from "node:crypto";
import * as dagCbor from "@ipld/dag-cbor";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { sealEnvelope } from "../wire/envelope.ts";
import { encodeEntryBody, openEntry, type EntryPayload } from "./entry.ts";
import { DELTA_BYTES_MAX } from "./limits.ts";
import { VirtualMesh } from "./virtual-mesh.test-support.ts";

test("SG1 of what nobody signed only the envelope and the name are read: a payload that is none is found behind a good signature alone", () => {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const deps = { sha256, documents: createMemoryDocuments };
  const net = new VirtualMesh(deps);
  const node = net.add("a", 1);
  const { env } = new VirtualMesh(deps).add("b", 1);
  const gossip = (bytes: Uint8Array): string => {
    let result = "";
    net.input(node, (now) => {
      result = node.chains.onGossip("x", bytes, now);
    });
    return result;
  };
  const seal = (seq: number, prevHash: string | undefined, payload: EntryPayload): Uint8Array => {
    const entry = { document: "reported" as const, epoch: 1, seq, prevHash, hlc: 1, payload };
    return sealEnvelope(env, "entry", encodeEntryBody(env, entry));
  };
  const names = { name: "n", region: "r", agent: "t" };
  const first = seal(0, undefined, { kind: "header", ...names, prev: undefined });
  expect(gossip(first)).toBe("accept");
  const opened = openEntry(env, first);
  const hash = opened.ok ? opened.opened.hash : "";
  const bad = seal(1, hash, { kind: "delta", update: new Uint8Array(DELTA_BYTES_MAX + 1) });
  const envelope = dagCbor.decode<Record<string, unknown>>(bad);
  const unsigned = dagCbor.encode({ ...envelope, s: new Uint8Array(64) });
  expect([gossip(unsigned), gossip(bad)]).toEqual(["reject", "reject"]);
  expect(node.eventsOf("rejected")).toMatchObject([
    { reason: "signature-bad" },
    { reason: "entry-malformed" },
  ]);
});
