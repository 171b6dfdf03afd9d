/** What a driver makes of who asks for the fleet's root statements (rule ME2). */
import { RecordingTransport, SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { Driver } from "./driver.ts";

test("ME2 who asks for the root statements is judged as by a hello, and neither counted nor remembered as one that was refused", async () => {
  let row = new Uint8Array([1]);
  let next = row;
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
        if (input.type === "root-row") {
          row = next;
          const result = input.bytes.length > 1 ? "beside" : "known";
          return [{ type: "emit", event: { type: "root-row", from: input.from, result } }];
        }
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
      introducing: {
        lacksIssuerOf: () => false,
        lacksRowOf: (node) => node === "a",
        questions: () => [],
        rootRow: () => row,
        formerRow: (node, grant) => (node === "a" && grant === "of old" ? row : undefined),
      },
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
  // The row that stood stands still, and another one once it has changed.
  expect(handler.takeRootRow?.(node, row)).toBe("known");
  expect(handler.takeRootRow?.(node, new Uint8Array(2))).toBe("in-vain");
  next = new Uint8Array([2]);
  expect(handler.takeRootRow?.(node, next)).toBe("news");
  // Who is let in no longer shows what it had, and a member that does not let this node in is one to ask.
  expect([handler.formerRow?.("a", "of old"), handler.formerRow?.("a", "made up")]).toEqual([
    row,
    undefined,
  ]);
  expect([handler.lacksRowOf?.("a"), handler.lacksRowOf?.("b")]).toEqual([true, false]);
  const { inputs, rejected, rootRows } = driver.meter;
  expect([inputs.get("root-question"), inputs.get("hello")]).toEqual([2, 0]);
  expect([rejected.entries(), refused]).toEqual([[], []]);
  expect(handler.takeRootRow?.(node, undefined)).toBe("in-vain");
  for (const answer of ["told-former", "former-not-now"] as const)
    handler.formerAsked?.("a", answer);
  expect(rootRows.entries()).toEqual([
    ["beside", 1],
    ["former-not-now", 1],
    ["known", 2],
    ["silent", 1],
    ["told-former", 1],
  ]);
  await driver.stop("pause", 60_000);
  expect([handler.formerRow?.("a", "of old"), handler.lacksRowOf?.("a")]).toEqual([
    undefined,
    false,
  ]);
});
