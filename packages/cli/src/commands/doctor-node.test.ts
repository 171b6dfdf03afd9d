import type { DiagnosticsJson, PeersJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { paceFindings, resourceFindings, settingsFinding, versionFinding } from "./doctor-node.ts";

const DIAGNOSTICS: DiagnosticsJson = {
  agent: "pulsemesh/1",
  node_version: "26.0.0",
  pid: 7,
  up_ms: 61_000,
  settings: {
    data_dir: "/data",
    listen: ["/ip4/0.0.0.0/tcp/7421"],
    announce: [],
    join: [],
    mdns: true,
    observer: false,
    pulse_every_ms: 1_000,
    settle_ms: 300,
  },
  disk: { free_bytes: 5_000_000_000, used_bytes: 1, write_fault: null },
  open_files: { count: 40, max: 1_024 },
  loop_lag_ms: 3,
  unknown_time_zones: [],
  links: [],
};

function peers(...others: readonly object[]): PeersJson {
  const peer = { status: "up", agent: "pulsemesh/1", pulse_every_ms: 1_000 };
  return {
    self: { name: "a" },
    peers: others.map((other, index) => ({ ...peer, name: `p${index}`, ...other })),
  } as unknown as PeersJson;
}

test("CLI43 settings in use are told with the data folder", () => {
  expect(settingsFinding(DIAGNOSTICS).detail).toBe(
    "pid 7, up 1m 01s, Node 26.0.0: data /data, listen /ip4/0.0.0.0/tcp/7421, mdns, a pulse every 1s",
  );
});

test("CLI43 members of another version are named, but not those that left", () => {
  expect(versionFinding(DIAGNOSTICS, peers({}, {}))).toMatchObject({
    result: "ok",
    detail: "pulsemesh/1 on 3 of 3",
  });
  const old = { agent: "pulsemesh/0" };
  expect(versionFinding(DIAGNOSTICS, peers(old, {}, { ...old, status: "left" }))).toMatchObject({
    result: "warn",
    detail: "pulsemesh/1 on a, p1; pulsemesh/0 on p0",
  });
});

test("CLI43 AD1 members of another pace are named", () => {
  expect(paceFindings(DIAGNOSTICS, peers({}, { pulse_every_ms: null }))).toEqual([]);
  expect(paceFindings(DIAGNOSTICS, peers({ pulse_every_ms: 2_000 }, {}))).toMatchObject([
    { result: "warn", detail: expect.stringContaining("pulses every 1s on a, p1; 2s on p0") },
  ]);
});

test.each([
  {
    what: "disk",
    change: { disk: { free_bytes: 10, used_bytes: 1, write_fault: null } },
    result: "fail",
  },
  {
    what: "disk",
    change: { disk: { free_bytes: null, used_bytes: 1, write_fault: "EROFS" } },
    result: "fail",
  },
  { what: "files", change: { open_files: { count: 900, max: 1_024 } }, result: "warn" },
  { what: "lag", change: { loop_lag_ms: 900 }, result: "warn" },
  { what: "time-zone", change: { unknown_time_zones: ["Mars/Olympus"] }, result: "warn" },
] as const)(
  "CLI43 trouble with $what is a $result that says what to do",
  ({ what, change, result }) => {
    const fine = resourceFindings(DIAGNOSTICS);
    expect(fine.map(({ check }) => check)).toEqual(["disk", "files", "lag"]);
    expect(fine.every((finding) => finding.result === "ok")).toBe(true);
    const found = resourceFindings({ ...DIAGNOSTICS, ...change } as DiagnosticsJson);
    const trouble = found.filter((finding) => finding.result !== "ok");
    expect(trouble).toMatchObject([{ check: what, result, next: expect.stringMatching(/.../) }]);
  },
);
