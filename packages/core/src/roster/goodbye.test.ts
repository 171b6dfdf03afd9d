import { createTestPorts, RIG_FLEET } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import { ChainMembership } from "./chain-membership.ts";

const NAMES = { name: "n", region: "r", agent: "a" };
const NOW = { monoMs: 0, wallMs: 0 };

test("P3 VE9 a goodbye, however it comes, is one of the boot that it was said in: a recording of an earlier one takes nobody out", () => {
  const identity = { fleet: RIG_FLEET, self: "me", name: "me", region: "r", agent: "t" };
  const ports = createTestPorts("me");
  const env = { identity, config: coreConfig(), ports, out: new Outbox() };
  const membership = new ChainMembership(env, () => true);
  expect(membership.leave("a", 9)).toBe(false);
  membership.learn({ author: "a", epoch: 5 }, NAMES, NOW);
  expect(membership.leave("a", 4)).toBe(false);
  expect(membership.member("a")).toBeDefined();
  expect(membership.leave("a", 5)).toBe(true);
  expect(membership.member("a")).toBeUndefined();
  // Who goes on to say it takes nobody out, so that nobody writes it down again.
  expect(membership.leave("a", 5)).toBe(false);
  membership.learn({ author: "a", epoch: 6 }, NAMES, NOW);
  expect(membership.member("a")).toBeDefined();
});
