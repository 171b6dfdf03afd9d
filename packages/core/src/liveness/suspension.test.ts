/** Why a verdict shuts nobody out (rule ME4, ADR 0027): played with a fleet whose members would not speak with whom they call dead. */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];
/** Two of them in a region of their own. */
const REGION = ["na", "nb"];
const REST = ["nc", "nd", "ne"];
const CUT_MS = 15_000;
const HOUR_MS = 3_600_000;

interface Fleet {
  readonly net: VirtualNeighbours;
  /** The region is cut off, or not. */
  cut: boolean;
}

function fleetOf({ isSuspending }: { readonly isSuspending: boolean }): Fleet {
  const net = new VirtualNeighbours(FIVE, createTestPorts);
  const fleet = { net, cut: false };
  const isDown = (node: NodeId, at: NodeId): boolean => net.status(node, at) === "down";
  net.run(10_000);
  net.drop = ({ from, to }) => {
    if (fleet.cut && REGION.includes(from) !== REGION.includes(to)) return true;
    // Refused is the connection, so it is refused both ways.
    return isSuspending && (isDown(from, to) || isDown(to, from));
  };
  return fleet;
}

function seen({ net }: Fleet, of: readonly NodeId[], at: readonly NodeId[]): ReadonlySet<string> {
  const pairs = of.flatMap((node) => at.map((viewer) => ({ node, viewer })));
  const others = pairs.filter(({ node, viewer }) => node !== viewer);
  return new Set(others.map(({ node, viewer }) => net.status(node, viewer)));
}

describe("a region that was cut off", () => {
  test("ME4 VE3 is up again on all sides when the cut heals, as a verdict shuts nobody out", () => {
    const fleet = fleetOf({ isSuspending: false });
    fleet.cut = true;
    fleet.net.run(CUT_MS);
    expect(seen(fleet, REGION, REST)).toEqual(new Set(["down"]));
    fleet.cut = false;
    fleet.net.run(CUT_MS);
    expect(seen(fleet, FIVE, FIVE)).toEqual(new Set(["up"]));
  });

  test("ME4 would be dead for good where who is called dead is not spoken with: the verdict keeps away what would end it", () => {
    const fleet = fleetOf({ isSuspending: true });
    fleet.cut = true;
    fleet.net.run(CUT_MS);
    fleet.cut = false;
    fleet.net.run(HOUR_MS / 6);
    expect(seen(fleet, REGION, REST)).toEqual(new Set(["down"]));
    // And they, who are alive, know nothing of the others, nor would the three survive one more such cut.
    expect(seen(fleet, REST, REGION)).toEqual(new Set(["unknown"]));
  });
});
