/** What a life makes of effects that are carried out at once and end with a commit; all else of it is tested with its driver. */
import type { Core, Effect, Input } from "@pulsemesh/core";
import { RecordingTransport, SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { CommandTable } from "./command-table.ts";
import { Life } from "./life.ts";
import { Meter } from "./meter.ts";

const bytes = new Uint8Array([1]);
const flush = () => new Promise<void>((resolve) => setImmediate(resolve));

function effectsOf({ type }: Input): readonly Effect[] {
  if (type === "peer-up") return [{ type: "expel", nodes: ["late"] }];
  if (type !== "message") return [];
  return [
    { type: "persist", commit: 1, ops: [{ type: "put", key: "statement", value: bytes }] },
    { type: "publish", topic: "authority", bytes, after: 1 },
    { type: "expel", nodes: ["mallory"], after: 1 },
  ];
}

test("AD11 ME2 who is expelled is expelled at once, and has had the last word once it is durable and published", async () => {
  const held: (() => void)[] = [];
  const disk = new SimulatedDisk({ random: () => 0 });
  const store = new SimulatedStore(disk, { schedule: (run) => void held.push(run) });
  await store.open();
  const transport = new RecordingTransport();
  const publishedBefore: number[] = [];
  const lastWordSaid = transport.lastWordSaid.bind(transport);
  transport.lastWordSaid = (...said) => {
    publishedBefore.push(transport.messages.length);
    lastWordSaid(...said);
  };
  const life = new Life({
    core: { handle: effectsOf } as unknown as Core,
    store,
    transport,
    clock: {
      now: () => ({ monoMs: 0, wallMs: 0 }),
      after: () => () => undefined,
      afterSockets: (run) => void setImmediate(run),
    },
    commands: new CommandTable(),
    meter: new Meter(),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    emit: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  await life.restore();
  life.take({ type: "message", channel: "sync", from: "peer", bytes });
  await flush();
  expect([transport.expelled, transport.parted]).toEqual([["mallory"], []]);
  disk.sync();
  for (const run of held) run();
  await flush();
  expect([transport.parted, publishedBefore]).toEqual([["mallory"], [1]]);
  life.take({ type: "peer-up", peer: { node: "late", agent: "test", addresses: [] } });
  expect([transport.expelled, transport.parted]).toEqual([
    ["mallory", "late"],
    ["mallory", "late"],
  ]);
  // Each last word says by which expulsion it is one.
  expect(transport.expulsions).toEqual([1, 1, 0, 0]);
});
