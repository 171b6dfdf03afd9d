import { expect, test } from "vitest";
import { killRounds } from "../support/kill-rounds.ts";

test("P5, DU1, DU2 fifteen rounds of kill -9 during writes lose nothing acknowledged, re-use no boot and break no log", async () => {
  expect(await killRounds(15)).toBeGreaterThan(15);
});
