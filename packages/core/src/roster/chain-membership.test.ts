import { expect, test } from "vitest";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { ChainMembership } from "./chain-membership.ts";

const NAMES = { name: "n", region: "r", agent: "a" };
const NOW = { monoMs: 0, wallMs: 0 };

function rig(): { readonly membership: ChainMembership; readonly told: () => readonly unknown[] } {
  const out = new Outbox();
  const codec = {
    encode: () => new Uint8Array(1),
    decode: (bytes: Uint8Array) => (bytes.length === 0 ? NAMES : [1, bytes.length, false]),
  };
  const membership = new ChainMembership({ out, ports: { codec } } as unknown as Env, () => true);
  return { membership, told: () => out.drain().filter(({ type }) => type === "members") };
}

test("CH6 DU1 who becomes a member is told once, with everybody else of the same input", () => {
  const { membership, told } = rig();
  membership.learn({ author: "b", epoch: 1 }, NAMES, NOW);
  membership.learn({ author: "a", epoch: 1 }, NAMES, NOW);
  membership.learn({ author: "a", epoch: 2 }, NAMES, NOW);
  expect(told()).toEqual([{ type: "members", joined: ["b", "a"], left: [] }]);
  membership.learn({ author: "a", epoch: 3 }, NAMES, NOW);
  expect(told()).toEqual([]);
});

test("VE9 CH6 who left is told, and so is who comes back", () => {
  const { membership, told } = rig();
  membership.learn({ author: "a", epoch: 1 }, NAMES, NOW);
  told();
  membership.leave("a", 1);
  expect(told()).toEqual([{ type: "members", joined: [], left: ["a"] }]);
  membership.learn({ author: "a", epoch: 2 }, NAMES, NOW);
  expect(told()).toEqual([{ type: "members", joined: ["a"], left: [] }]);
});

test("VE9 CH6 after a start all members are told, in whatever order the rows come, and nobody that left", () => {
  const { membership, told } = rig();
  membership.restoreLeft("a", new Uint8Array(1));
  for (const node of ["a", "b"]) membership.restoreMember(node, new Uint8Array(0));
  expect(told()).toEqual([{ type: "members", joined: ["b"], left: ["a"] }]);
});
