/** What a driver makes of who asks for the fleet's root statements (rule ME2). */
import { RecordingTransport, SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { Driver } from "./driver.ts";

test("ME2 who asks for the root statements is judged as by a hello, and neither counted nor remembered as one that was refused", async () => {
  const row = new Uint8Array([1]);
  const refused: string[] = [];
  const store = new SimulatedStore(new SimulatedDisk({ random: () => 0 }), {
    schedule: (run) => void setImmediate(run),
  });
  await store.open();
  const transport = new RecordingTransport();
  const driver = new Driver({
    store,
    transport,
    clock: {
      now: () => ({ monoMs: 0, wallMs: 0 }),
      after: () => () => undefined,
      afterSockets: (run: () => void) => void setImmediate(run),
    },
    createCore: () => ({
      handle: (input) => {
        if (input.type === "command")
          return [{ type: "reply", id: input.id, result: { ok: true } }];
        if (input.type !== "root-question") return [];
        return [{ type: "admit", refusal: input.grant === "good" ? undefined : "grant-unknown" }];
      },
      fleet: () => ({}) as never,
      authority: () => ({}) as never,
      revocation: () => undefined,
      robots: () => [],
      robotIds: () => [],
      robot: () => undefined,
      explaining: {} as never,
      introducing: { lacksIssuerOf: () => false, questions: () => [], rootRow: () => row },
      exportDocument: () => new Uint8Array(),
    }),
    lagMs: () => 0,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    refused: (node) => void refused.push(node),
  });
  await driver.start();
  const { handler, node } = transport;
  expect(handler.rootRow?.("a", "good")).toBe(row);
  expect(handler.rootRow?.("a", "bad")).toBeUndefined();
  const { inputs, rejected, rootRows } = driver.meter;
  expect([inputs.get("root-question"), inputs.get("hello")]).toEqual([2, 0]);
  expect([rejected.entries(), refused]).toEqual([[], []]);
  handler.takeRootRow?.(node, undefined);
  expect(rootRows.entries()).toEqual([["silent", 1]]);
  await driver.stop("pause", 60_000);
});
