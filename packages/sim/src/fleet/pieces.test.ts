import { expect, test } from "vitest";
import { Pieces } from "./pieces.ts";

const RING = Array.from({ length: 6 }, (_, node) => [(node + 5) % 6, (node + 1) % 6]);

test("VE2 a death moves one node, a cut one side, and the healing moves that side back", () => {
  const pieces = new Pieces(6);
  const dead = new Set<number>();
  const cut = new Set<string>();
  const update = (): readonly number[] =>
    pieces.update(
      (node) => !dead.has(node),
      (a, b) => !cut.has(`${Math.min(a, b)}-${Math.max(a, b)}`),
      RING,
    );
  expect(update()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(update()).toEqual([]);
  dead.add(0);
  expect(update()).toEqual([0]);
  expect([pieces.sizeOf(1), pieces.sizeOf(0), pieces.areTogether(0, 0)]).toEqual([5, 0, false]);
  cut.add("3-4");
  expect(update()).toEqual([4, 5]);
  expect([pieces.count, pieces.areTogether(1, 3), pieces.areTogether(3, 4)]).toEqual([
    2,
    true,
    false,
  ]);
  cut.clear();
  expect(update()).toEqual([4, 5]);
  dead.clear();
  expect(update()).toEqual([0]);
  expect(pieces.sizeOf(0)).toBe(6);
});
