import { expect, test } from "vitest";
import { killRounds } from "../support/kill-rounds.ts";

test("P5, DU1, DU2 two hundred rounds of kill -9 during writes lose nothing acknowledged", async () => {
  expect(await killRounds(200)).toBeGreaterThan(200);
});
