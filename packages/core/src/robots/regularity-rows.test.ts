import { describe, expect, test } from "vitest";
import { PAGE_BYTES } from "./interval-book.ts";
import { REGULARITY_EVERY_SECONDS, REGULARITY_ROW_PREFIX } from "./regularity-rows.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const ROW = `${REGULARITY_ROW_PREFIX}r`;

function homeWith(everyMs: number): VirtualHome {
  const home = new VirtualHome();
  const schedule = { type: "every", everyMs, graceMs: 0, missed: 3, startupMs: 60_000 } as const;
  home.register("r", schedule);
  home.beat("r");
  return home;
}

function beats(home: VirtualHome, count: number, everyMs: number): void {
  for (let beat = 0; beat < count; beat += 1) {
    home.advance(everyMs);
    home.beat("r");
  }
}

function writes(home: VirtualHome): number {
  return home.commits.filter((ops) => ops.some((op) => op.type === "put" && op.key === ROW)).length;
}

describe("regularity on disk", () => {
  test("RG6 it is written with a beat, once in five minutes at most, and read at the start", () => {
    const home = homeWith(1_000);
    beats(home, 3 * REGULARITY_EVERY_SECONDS, 1_000);
    expect(writes(home)).toBe(3);
    const before = home.view("r")?.regularity;
    home.restart();
    expect(home.view("r")?.regularity).toMatchObject({ samples: 60, usualMs: 1_000 });
    expect(before).toMatchObject({ samples: 60, usualMs: 1_000 });
  });

  test("RG6 P5 a damaged row costs what was learned, and nothing else", () => {
    const home = homeWith(10_000);
    beats(home, 20, 10_000);
    for (const bytes of [
      new Uint8Array([1, 2, 3]),
      home.ports.codec.encode([1, [], "x"]),
      home.ports.codec.encode([1, [], new Uint8Array(PAGE_BYTES - 1)]),
      home.ports.codec.encode([1, [], new Uint8Array(PAGE_BYTES).fill(255)]),
      home.ports.codec.encode([2, [], new Uint8Array(PAGE_BYTES)]),
    ]) {
      home.rows.set(ROW, bytes);
      home.events.length = 0;
      home.restart();
      expect(home.events).toContainEqual({ type: "quarantined", what: ROW, reason: "malformed" });
      expect(home.view("r")).toMatchObject({ status: "up", beats: 21, regularity: { samples: 0 } });
    }
  });

  test("RG6 a retired robot leaves nothing behind, on disk or for the next robot of its id", () => {
    const home = homeWith(10_000);
    beats(home, 20, 10_000);
    expect(home.rows.has(ROW)).toBe(true);
    home.retireRobot("r");
    expect(home.rows.has(ROW)).toBe(false);
    home.beat("r");
    expect(home.view("r")?.regularity).toMatchObject({ samples: 0 });
  });
});
