import { createTestPorts, RIG_FLEET, RIG_WALL_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { decodePulseHeader, PULSE_BYTES_MAX, sealPulse } from "../pulse/pulse-codec.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import { Goodbyes, GOODBYES_MAX } from "./goodbyes.ts";
import type { Evidence } from "./observation-codec.ts";

const NOW = { monoMs: 5_000, wallMs: RIG_WALL_MS };

function envOf(self: string): Env {
  const identity = { fleet: RIG_FLEET, self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

/** The header of a goodbye that `author` signed. */
function goodbyeOf(author: string, boot: number): Evidence {
  const env = envOf(author);
  const header = {
    boot,
    seq: 9,
    upMs: 9,
    wallMs: RIG_WALL_MS,
    intervalMs: 1_000,
    lagMs: 0,
    doubt: false,
    pausedForMs: undefined,
    goodbye: true,
  };
  const rest = { heard: [], heads: [], auditSize: 0, missing: [], beats: [] };
  const bytes = sealPulse(env, header, { agent: "t", auditHash: new Uint8Array(32), ...rest });
  const opened = decodeEnvelope(env, bytes, PULSE_BYTES_MAX);
  if (!opened.ok) throw new Error(opened.code);
  const read = decodePulseHeader(env, opened.envelope);
  if (!read.ok) throw new Error(read.code);
  return { envelope: { ...opened.envelope, attachment: undefined }, header: read.value };
}

/** Rows on disk after everything that was persisted so far. */
function persist(env: Env, rows: Map<string, Uint8Array>): void {
  for (const effect of env.out.drain()) {
    for (const op of effect.type === "persist" ? effect.ops : []) {
      if (op.type === "put") rows.set(op.key, op.value);
      else rows.delete(op.key);
    }
  }
}

function listOf(rows: ReadonlyMap<string, Uint8Array>): readonly StoreRow[] {
  return [...rows].map(([key, value]) => ({ key, value }));
}

describe("goodbyes", () => {
  test("VE9 P6 the GOODBYES_MAX of the newest boots are on disk, and told after a restart", () => {
    const env = envOf("me");
    const rows = new Map<string, Uint8Array>();
    const goodbyes = new Goodbyes(env);
    for (let boot = 1; boot <= GOODBYES_MAX + 5; boot++) {
      goodbyes.said(goodbyeOf(`n${boot}`, boot), NOW);
      persist(env, rows);
    }
    expect(rows.size).toBe(GOODBYES_MAX);
    expect(rows.has("goodbye/n5")).toBe(false);
    expect(rows.has("goodbye/n6")).toBe(true);
    const restarted = new Goodbyes(envOf("me"));
    restarted.restore(listOf(rows));
    const told = restarted.subjects();
    expect(told).toHaveLength(GOODBYES_MAX);
    expect(told.every(({ known }) => known?.header.goodbye === true)).toBe(true);
  });

  test("VE9 P6 who has left and goes on to say so makes nobody write, also where it has no place among the GOODBYES_MAX", () => {
    const env = envOf("me");
    const goodbyes = new Goodbyes(env);
    for (let boot = 1; boot <= GOODBYES_MAX; boot++)
      goodbyes.said(goodbyeOf(`n${boot}`, boot + 10), NOW);
    env.out.drain();
    for (let i = 0; i < 5; i++) {
      goodbyes.said(goodbyeOf("n1", 11), NOW);
      goodbyes.said(goodbyeOf("n1", 10), NOW);
      goodbyes.said(goodbyeOf("older", 3), NOW);
    }
    expect(env.out.drain()).toEqual([]);
    expect(goodbyes.subjects()).toHaveLength(GOODBYES_MAX);
    // A later boot of the same member takes its place.
    goodbyes.said(goodbyeOf("n1", 90), NOW);
    expect(env.out.drain()).toHaveLength(1);
    expect(goodbyes.subjects()).toHaveLength(GOODBYES_MAX);
  });

  test("VE9 those of members that are back go, and a row that nobody signed is left out", () => {
    const env = envOf("me");
    const rows = new Map<string, Uint8Array>();
    const goodbyes = new Goodbyes(env);
    for (const author of ["a", "b"]) goodbyes.said(goodbyeOf(author, 7), NOW);
    goodbyes.keepOnly((node) => node === "b");
    persist(env, rows);
    expect([...rows.keys()]).toEqual(["goodbye/b"]);
    const forged = (rows.get("goodbye/b") as Uint8Array).slice();
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    const reader = envOf("me");
    const restarted = new Goodbyes(reader);
    restarted.restore([{ key: "goodbye/b", value: forged }]);
    expect(restarted.subjects()).toEqual([]);
    expect(reader.out.drain()).toMatchObject([
      { type: "emit", event: { type: "quarantined", what: "goodbye/b" } },
    ]);
  });
});
