import { CoreRig, createTestPorts, RIG_FLEET } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { decodeEntry, encodeEntryBody } from "../chain/entry.ts";
import { MAY_BE_OFFLINE_MS_MAX } from "../chain/limits.ts";
import { memberRow } from "../chain/rows.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { ChainMembership } from "./chain-membership.ts";

const NOW = { monoMs: 0, wallMs: 0 };
const DAY_MS = 86_400_000;

function envOf(self: string): Env {
  const identity = { fleet: RIG_FLEET, self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

/** What a reader makes of a header with this under the key. */
function readsAs(value: unknown): number | undefined {
  const env = envOf("a");
  const payload = { name: "n", region: "r", agent: "t", prev: null, mayBeOfflineMs: value };
  const body = env.ports.codec.encode(["reported", 1, 0, null, "header", 1, payload]);
  const read = decodeEntry(env, sealEnvelope(env, "entry", body));
  return read.ok && read.entry.payload.kind === "header"
    ? read.entry.payload.mayBeOfflineMs
    : Number.NaN;
}

test("VE9 SG2 a header says for how long its author may be offline, MAY_BE_OFFLINE_MS_MAX at most; anything else there counts as none", () => {
  expect(readsAs(MAY_BE_OFFLINE_MS_MAX)).toBe(400 * DAY_MS);
  for (const value of [MAY_BE_OFFLINE_MS_MAX + 1, 0, -1, 1.5, "30d", null])
    expect([value, readsAs(value)]).toEqual([value, undefined]);
  expect(() => coreConfig({ mayBeOfflineMs: MAY_BE_OFFLINE_MS_MAX + 1 })).toThrow(
    `'mayBeOfflineMs' must be a number from 0 to ${MAY_BE_OFFLINE_MS_MAX}`,
  );
});

test("VE9 SG2 a header of a node that may not be offline is what it was before there was the key", () => {
  const env = envOf("a");
  const header = { kind: "header", name: "n", region: "r", agent: "t", prev: undefined } as const;
  const body = encodeEntryBody(env, {
    document: "reported",
    epoch: 1,
    seq: 0,
    prevHash: undefined,
    hlc: 1,
    payload: header,
  });
  const payload = { name: "n", region: "r", agent: "t", prev: null };
  expect(body).toEqual(env.ports.codec.encode(["reported", 1, 0, null, "header", 1, payload]));
});

test("VE9 the member row keeps it, and the newest header decides: with another span, or without one", () => {
  const env = envOf("a");
  const names = { name: "n", region: "r", agent: "t" };
  const membership = new ChainMembership(env, () => true);
  const rowOf = (): Uint8Array | undefined =>
    env.out
      .drain()
      .flatMap((effect) => (effect.type === "persist" ? effect.ops : []))
      .flatMap((op) => (op.type === "put" && op.key === memberRow("b") ? [op.value] : []))[0];
  membership.learn({ author: "b", epoch: 1 }, { ...names, mayBeOfflineMs: DAY_MS }, NOW);
  const row = rowOf();
  const restarted = new ChainMembership(envOf("a"), () => true);
  expect(restarted.restoreMember("b", row as Uint8Array)).toBe(true);
  expect(restarted.member("b")?.mayBeOfflineMs).toBe(DAY_MS);
  // A release that did not know the key has written the row without it.
  restarted.restoreHeader({ author: "b", epoch: 1 }, { ...names, mayBeOfflineMs: 2 * DAY_MS });
  expect(restarted.member("b")?.mayBeOfflineMs).toBe(2 * DAY_MS);
  const { version } = membership;
  membership.learn({ author: "b", epoch: 2 }, names, NOW);
  expect(membership.member("b")?.mayBeOfflineMs).toBeUndefined();
  expect(membership.version).toBeGreaterThan(version);
  expect(env.ports.codec.decode(rowOf() as Uint8Array)).toEqual(names);
  // The header of an earlier boot comes late.
  membership.learn({ author: "b", epoch: 1 }, { ...names, mayBeOfflineMs: DAY_MS }, NOW);
  expect(membership.member("b")?.mayBeOfflineMs).toBeUndefined();
});

test("VE9 a node says it in the header of each boot, in whole milliseconds", () => {
  const rig = new CoreRig("a", { config: { mayBeOfflineMs: DAY_MS + 0.5 } });
  rig.start();
  const env = envOf("a");
  const row = rig.rows.get(memberRow("a")) as Uint8Array;
  expect(env.ports.codec.decode(row)).toMatchObject({ mayBeOfflineMs: DAY_MS });
});
