import type { PulsemeshClient } from "@pulsemesh/client";
import { expect, test } from "vitest";
import type { Finding } from "./doctor-finding.ts";
import { checkServed } from "./doctor-served.ts";

const dayMs = 86_400_000;
const nowWallMs = Date.UTC(2026, 0, 1);

async function found(metrics: string): Promise<Finding[]> {
  const client = { metrics: async () => metrics } as Partial<PulsemeshClient> as PulsemeshClient;
  return await checkServed(client, nowWallMs);
}

function endingIn(ms: number): string {
  return `a 1\npulsemesh_http_certificate_expiry_timestamp_seconds ${(nowWallMs + ms) / 1_000}\n`;
}

test("CFG11 CLI43 a certificate that ends within 14 days is a warning, one that has ended a failure, with the day and what to do", async () => {
  expect(await found(endingIn(14 * dayMs + 1_000))).toMatchObject([
    {
      check: "certificate",
      result: "ok",
      detail: "it expires in 14 days, at 2026-01-15T00:00:01.000Z",
    },
  ]);
  // From there on the node's log says it as well.
  expect(await found(endingIn(14 * dayMs))).toMatchObject([{ result: "warn" }]);
  expect(await found(endingIn(2 * dayMs - 1_000))).toMatchObject([
    {
      result: "warn",
      detail: expect.stringContaining("in 1 day,"),
      next: expect.stringContaining("/-/reload"),
    },
  ]);
  expect(await found(endingIn(-1_000))).toMatchObject([
    { result: "fail", detail: "it expired at 2025-12-31T23:59:59.000Z" },
  ]);
});

test("CFG9 CLI43 a refused reload is a failure until a good one; a node without certificate and file has neither finding", async () => {
  const metric = "pulsemesh_config_last_reload_successful";
  expect(await found(`${metric} 0\n`)).toMatchObject([
    { check: "reload", result: "fail", next: expect.stringContaining("config check") },
  ]);
  expect(await found(`${metric} 1\n`)).toMatchObject([{ check: "reload", result: "ok" }]);
  expect(await found("pulsemesh_ready 1\n")).toEqual([]);
  const gone = { metrics: async () => Promise.reject(new Error("gone")) };
  expect(await checkServed(gone as Partial<PulsemeshClient> as PulsemeshClient, 0)).toEqual([]);
});

test("HT36 CLI43 an issuer's node without a token is a warning, which says who may do what there", async () => {
  expect(await found("pulsemesh_issuer_unguarded 1\n")).toMatchObject([
    {
      check: "issuer",
      result: "warn",
      detail: expect.stringContaining("any process on its machine"),
      next: expect.stringContaining("--token-file"),
    },
  ]);
  expect(await found("pulsemesh_issuer_unguarded 0\n")).toEqual([]);
});
