import type { PeersJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { writtenFindings } from "./doctor-written.ts";

test("CLI45 from 80% of the robots, or of the ids with the retired ones, that a node may write about, doctor warns and says what to do", () => {
  const found = (robots: number, ids: number): ReturnType<typeof writtenFindings> =>
    writtenFindings({
      self: { name: "n", written: { robots, robots_max: 100, ids, ids_max: 300 } },
    } as unknown as PeersJson);
  expect([found(79, 239), writtenFindings({ self: {} } as PeersJson)]).toEqual([[], []]);
  expect(found(80, 100)).toMatchObject([
    { result: "warn", detail: expect.stringContaining("80 of 100 robots") },
  ]);
  expect(found(10, 240)).toMatchObject([
    { result: "warn", detail: expect.stringContaining("240 of 300 robot ids") },
  ]);
});
