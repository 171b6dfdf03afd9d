import { describe, expect, test } from "vitest";
import { Quiet } from "./quiet.ts";
import { LISTEN_AGAIN_INTERVALS, QUIET_INTERVALS } from "./rules.ts";

const at = (monoMs: number): { readonly monoMs: number; readonly wallMs: number } => ({
  monoMs,
  wallMs: 1_800_000_000_000 + monoMs,
});

/** Listens for a while, looking once an interval; answers the status after each. */
function listen(quiet: Quiet, fromMs: number, intervals: number): readonly string[] {
  return Array.from({ length: intervals }, (_, index) => {
    quiet.look(undefined, at(fromMs + index * 1_000));
    return quiet.standing.status;
  });
}

describe("Quiet", () => {
  test("PU8 PU5 a node that has just come knows nothing of whom nobody speaks of before it has listened for twenty intervals", () => {
    const quiet = new Quiet(1_000);
    quiet.begin(at(0));
    const said = listen(quiet, 0, QUIET_INTERVALS + 1);
    expect(said.slice(0, QUIET_INTERVALS)).toEqual(Array(QUIET_INTERVALS).fill("unknown"));
    expect(said.at(-1)).toBe("up");
    expect(quiet.standing.sinceMonoMs).toBe(QUIET_INTERVALS * 1_000);
  });

  test("PU8 P2 without a majority it knows nothing at once, and again only after accusations would have been repeated", () => {
    const quiet = new Quiet(1_000);
    quiet.begin(at(0));
    listen(quiet, 0, QUIET_INTERVALS + 1);
    expect(quiet.look("no-majority", at(30_000))).toMatchObject({ status: "up" });
    expect(quiet.standing).toMatchObject({ status: "unknown", reason: "no-majority" });
    const said = listen(quiet, 31_000, LISTEN_AGAIN_INTERVALS + 1);
    expect(said.slice(0, LISTEN_AGAIN_INTERVALS)).toEqual(
      Array(LISTEN_AGAIN_INTERVALS).fill("unknown"),
    );
    expect(said.at(-1)).toBe("up");
  });
});
