import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { encodeEntryBody } from "../chain/entry.ts";
import { VirtualMesh, type VirtualNode } from "../chain/virtual-mesh.test-support.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { decodeSync, encodeSync } from "./messages.ts";
import { VECTOR_ITEMS_PER_SECOND_MAX } from "./vector-pages.ts";

const AUTHORS = 400;
const WAIT_MS = (AUTHORS / VECTOR_ITEMS_PER_SECOND_MAX) * 1_000;

const meshOf = (): VirtualMesh =>
  new VirtualMesh({
    sha256: (bytes) => createHash("sha256").update(bytes).digest(),
    documents: createMemoryDocuments,
  });

/** A node that holds headers of {@link AUTHORS} authors, and has a peer `p`. */
function rig(): { readonly node: VirtualNode; readonly mesh: VirtualMesh } {
  const mesh = meshOf();
  mesh.gossip = false;
  const node = mesh.add("a", 0);
  const others = meshOf();
  for (let index = 0; index < AUTHORS; index += 1) {
    const { env } = others.add(`m${index}`, 0);
    const payload = {
      kind: "header",
      name: "x",
      region: "r",
      agent: "x",
      prev: undefined,
    } as const;
    const place = { document: "reported", epoch: 1, seq: 0, prevHash: undefined, hlc: 5 } as const;
    const bytes = sealEnvelope(env, "entry", encodeEntryBody(env, { ...place, payload }));
    mesh.input(node, (now) => void node.chains.onGossip("m", bytes, now));
  }
  mesh.run();
  mesh.input(node, (now) => node.chains.onPeerUp("p", now));
  return { node, mesh };
}

/** How many whole answers the node gives within `act`. */
function answers(node: VirtualNode, act: () => void): number {
  node.env.out.drain();
  act();
  return node.env.out.drain().filter((effect) => {
    const message = effect.type === "send" ? decodeSync(node.env, effect.bytes) : undefined;
    return message?.type === "vector" && message.last;
  }).length;
}

test("P6 CH6 a peer is sent VECTOR_ITEMS_PER_SECOND_MAX, however many digests it sends, and has its answer in the end", () => {
  const { node } = rig();
  const unlike = new Uint8Array(32).fill(7);
  const digests = new Map([
    ["reported", unlike],
    ["desired", unlike],
  ] as const);
  const digest = encodeSync(node.env, { type: "digest", digests });
  const at = (monoMs: number): { monoMs: number; wallMs: number } => ({ monoMs, wallMs: 1 });
  const ask = (monoMs: number): number =>
    answers(node, () => {
      for (let index = 0; index < 20; index += 1) node.chains.onSync("p", digest, at(monoMs));
    });
  const startMs = 60_000;
  expect(ask(startMs)).toBe(1);
  expect(ask(startMs + WAIT_MS - 1)).toBe(0);
  expect(answers(node, () => node.chains.onTimer(at(startMs + WAIT_MS - 1)))).toBe(0);
  expect(answers(node, () => node.chains.onTimer(at(startMs + WAIT_MS)))).toBe(1);
  expect(answers(node, () => node.chains.onTimer(at(startMs + 10 * WAIT_MS)))).toBe(0);
});

test("P6 CH6 vectors that a peer begins with buy no more answers than digests", () => {
  const { node } = rig();
  const opening = encodeSync(node.env, {
    type: "vector",
    document: "reported",
    items: [],
    first: true,
    last: true,
  });
  const now = { monoMs: 60_000, wallMs: 1 };
  expect(
    answers(node, () => {
      for (let index = 0; index < 20; index += 1) node.chains.onSync("p", opening, now);
    }),
  ).toBe(1);
});
