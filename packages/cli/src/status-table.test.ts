import type { PeersJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { clockText, everyText, peerTable, robotTable } from "./status-table.ts";
import { statusWord } from "./status-word.ts";

test("CLI6 every status has a word and a shape of its own", () => {
  const words = ["up", "late", "down", "new", "unknown", "paused", "left"].map(statusWord);
  expect(new Set(words.map((word) => word[0])).size).toBe(words.length);
  expect(words.every((word) => /^\S [a-z]+$/.test(word))).toBe(true);
});

test("CLI6 an empty fleet says how to begin", () => {
  expect(robotTable([], false).join("\n")).toContain("curl -X POST");
});

test("everyText shows a period as people write it, or the cron line", () => {
  const every = { type: "every", every_ms: 90_000, grace_ms: 0, missed: 1, startup_ms: 1 } as const;
  expect(everyText(every)).toBe("90s");
  const cron = {
    type: "cron",
    cron: "0 3 * * *",
    time_zone: "UTC",
    grace_ms: 0,
    startup_ms: 1,
    next_due: null,
  } as const;
  expect(everyText(cron)).toBe("0 3 * * *");
  expect(everyText(null)).toBe("-");
});

test("CLI6 peers are listed by name behind the node that answers", () => {
  const peer = {
    region: "us",
    status: "down",
    reason: "quorum",
    last_pulse_age_ms: 9_400,
    rtt_ms: null,
    clock_offset_ms: null,
    addresses: [],
  };
  const known = {
    clock_offset_ms: -1_540,
    addresses: ["/dns4/bob.example/tcp/7421/p2p/B", "/ip4/10.0.0.2/tcp/7421/p2p/B"],
  };
  const peers = {
    self: { id: "A", name: "zoe", region: "eu", addresses: ["/ip6/::1/tcp/7421/p2p/A"] },
    peers: [
      { id: "C", name: "cat", ...peer },
      { id: "B", name: "bob", ...peer, status: "up", rtt_ms: 2, ...known },
    ],
  } as unknown as PeersJson;
  const [, ...rows] = peerTable(peers, false);
  expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(["zoe", "bob", "cat"]);
  expect(rows[1]).toMatch(/bob +us +● up +9\.4s +2ms +-1\.5s +quorum +bob\.example:7421 \+1 +B/);
  expect(rows[2]).toMatch(/cat +us +✖ down +9\.4s +- +- +quorum +- +C/);
});

test("BK1 a node that runs twice does not call itself up", () => {
  const self = { id: "A", name: "zoe", region: "eu", addresses: [], twin: { boot: 7, seq: 1 } };
  const [, row] = peerTable({ self, peers: [] } as unknown as PeersJson, false);
  expect(row).toMatch(/zoe +eu +\? unknown .*this node, running twice/);
});

test.each([
  [null, "-"],
  [0, "+0ms"],
  [-12, "-12ms"],
  [1_540, "+1.5s"],
  [-185_000, "-3m 05s"],
])("CLI40 a clock that is %s ms ahead reads %s", (offsetMs, text) => {
  expect(clockText(offsetMs)).toBe(text);
});
