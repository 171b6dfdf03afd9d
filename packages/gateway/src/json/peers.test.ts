import type { FleetView } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { peersJson, peersSchema, type PeersJson } from "./peers.ts";

/** What is told of the answering node when this is known of it as well. */
function selfWith(more: Partial<FleetView["self"]>): PeersJson["self"] {
  return peersWith(more).self;
}

function peersWith(
  more: Partial<FleetView["self"]>,
  unreachable: FleetView["unreachable"] = [],
): PeersJson {
  const self = { node: "n", name: "alpha", region: "eu", boot: 3, doubt: undefined, ...more };
  const fleet = {
    fleet: "f",
    self,
    nodes: [],
    roster: 1,
    inSight: 1,
    unreachable,
    documentHash: "ab",
  };
  const json = peersJson({ fleet, addresses: [], roundTripMs: () => undefined });
  return peersSchema.parse(json);
}

test("HT10 P6 what the node has used of what it may write about is told with the limits", () => {
  const written = { robots: 12, robots_max: 10_000, ids: 42, ids_max: 30_000 };
  expect(selfWith({ writtenIds: { robots: 12, markers: 30 } }).written).toEqual(written);
});

test("HT10 OFF1 BK1 a twin, and by how much what the node writes is ahead of its clock, are there where there is such a thing", () => {
  const self = { id: "n", name: "alpha", region: "eu", addresses: [], boot: 3 };
  expect(selfWith({})).toEqual(self);
  expect(selfWith({ twin: undefined, writesAheadMs: undefined })).toEqual(self);
  const twin = { boot: 4, seq: 9 };
  const both = { ...self, twin, writes_ahead_ms: 90_001 };
  expect(selfWith({ twin, writesAheadMs: 90_000.2 })).toEqual(both);
});

test("HT10 VE4 regions of which nothing is heard are told with since when, and who misses nodes there", () => {
  expect(peersWith({}).view.unreachable).toEqual([]);
  const sinceWallMs = Date.UTC(2027, 0, 15, 8);
  const outage = { from: "eu", to: "us", sinceWallMs, accusers: ["n", "m"] };
  expect(peersWith({}, [outage]).view.unreachable).toEqual([
    { from: "eu", to: "us", since: "2027-01-15T08:00:00.000Z", accusers: ["n", "m"] },
  ]);
});
