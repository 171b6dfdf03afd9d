import { expect, test } from "vitest";
import { DIAGNOSIS, ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { diagnosticsJson, diagnosticsSchema } from "../json/diagnostics.ts";
import { buildServer } from "../server.ts";

test("AD8 diagnostics are what the node finds out about itself, and null where it does not know", async () => {
  const app = buildServer(new ScriptedNode(), { localOnly: true });
  const answer = await app.inject("/api/v1/diagnostics");
  expect(answer.statusCode).toBe(200);
  const found = diagnosticsSchema.parse(answer.json());
  expect(found).toMatchObject({
    agent: "pulsemesh/0.1.0",
    up_ms: 60_000,
    settings: { data_dir: "/nowhere", pulse_every_ms: 1_000 },
    disk: { free_bytes: 5_000_000_000, used_bytes: 123_456, write_fault: null },
    open_files: { count: 40, max: 1_024 },
    loop_lag_ms: 1.3,
  });
  expect(found.links).toEqual([
    {
      node: "12D3KooWBeta",
      connected: "inbound",
      dialled: [{ address: expect.stringContaining("beta.example"), outcome: "name-unknown" }],
      dialled_back: [{ address: expect.stringContaining("7421"), outcome: "reached" }],
    },
    { node: "12D3KooWGone", connected: null, dialled: [], dialled_back: null },
  ]);
  expect(found.refused_by).toEqual([{ node: "12D3KooWGone", reason: "grant-none", age_ms: 1_500 }]);
  await app.close();
});

test("AD8 a member that did not say what came of its dials is told apart from one that was not asked", () => {
  const [link] = DIAGNOSIS.links;
  if (link === undefined) throw new Error("no link");
  const links = [{ ...link, dialledBack: { ok: false, why: "busy" } as const }];
  const found = diagnosticsJson({
    ...DIAGNOSIS,
    links,
    openFiles: undefined,
    disk: { freeBytes: undefined, usedBytes: 0, writeFault: "ENOSPC" },
  });
  expect(diagnosticsSchema.parse(found)).toMatchObject({
    links: [{ dialled_back: "busy" }],
    open_files: null,
    disk: { free_bytes: null, write_fault: "ENOSPC" },
  });
});
