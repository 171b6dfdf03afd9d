/** What a stop leaves behind: nothing that keeps the process alive. */
import { RecordingTransport, SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { Driver } from "./driver.ts";

test("VE9 a stop leaves no timer behind, so the process ends when the network is closed", async () => {
  const pending = new Set<() => void>();
  const clock = {
    now: () => ({ monoMs: 0, wallMs: 0 }),
    after(_delayMs: number, run: () => void) {
      pending.add(run);
      return () => void pending.delete(run);
    },
    afterSockets: (run: () => void) => void setImmediate(run),
  };
  const store = new SimulatedStore(new SimulatedDisk({ random: () => 0 }), {
    schedule: (run) => void setImmediate(run),
  });
  await store.open();
  const driver = new Driver({
    store,
    transport: new RecordingTransport(),
    clock,
    createCore: () => ({
      handle: (input) =>
        input.type === "command" ? [{ type: "reply", id: input.id, result: { ok: true } }] : [],
      fleet: () => ({}) as never,
      authority: () => ({}) as never,
      revocation: () => undefined,
      robots: () => [],
      robotIds: () => [],
      robot: () => undefined,
      explaining: {} as never,
      introducing: {} as never,
      exportDocument: () => new Uint8Array(),
    }),
    lagMs: () => 0,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await driver.start();
  await driver.stop("pause", 60_000);
  expect(pending.size).toBe(0);
});
