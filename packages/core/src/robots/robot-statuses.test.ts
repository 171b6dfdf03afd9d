import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeStanding } from "./node-status-port.ts";
import { VirtualHome, WALL_MS } from "./virtual-home.test-support.ts";

function summary(rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { r: "r", n: 5, c: 5, a: 100, t: 9_000, e: 10_000, ...rest };
}

/** A reader that has heard of robot `r` from its home `b`, which is up. */
function reader(rest: Record<string, unknown> = {}): VirtualHome {
  const home = new VirtualHome({ self: "a" });
  home.judgeNode("b", "up");
  home.hear("b", 1, 1, [summary(rest)]);
  return home;
}

describe("the home's standing", () => {
  const table: readonly [NodeStanding["status"], string, string][] = [
    ["up", "late/overdue", "its word"],
    ["late", "late/overdue", "its word: its links are bad, not its robots"],
    ["down", "down/home-down", "the verdict"],
    ["unknown", "unknown/home-unknown", "the verdict"],
    ["paused", "paused/home-paused", "the verdict"],
    ["left", "left/home-left", "the verdict"],
    ["new", "unknown/not-heard", "nothing that counts"],
  ];
  test.each(table)("VE6 a home that is %s makes its robot %s: %s", (standing, says) => {
    const home = reader({ s: "late", y: "overdue" });
    home.judgeNode("b", standing);
    expect(home.says("r")).toBe(says);
    expect(home.view("r")).toMatchObject({ node: "b", lastCheckWallMs: WALL_MS - 100 });
  });

  test("VE6 a home that is no member any more makes its robots unknown", () => {
    const home = reader();
    home.standings.delete("b");
    home.robots.onNodeStatus("b", home.now);
    home.settle();
    expect(home.says("r")).toBe("unknown/home-unknown");
  });

  test.each(["new", "up", "late", "down"])(
    "VE6 while the home lives its word %s is the verdict, dated by the home",
    (word) => {
      const home = reader({ s: word, t: 4_321 });
      expect(home.view("r")).toMatchObject({ status: word, sinceWallMs: WALL_MS - 4_321 });
    },
  );

  test("VE6 the verdict about a node changes all of its robots, each said once, and audits none of them by itself", () => {
    const home = new VirtualHome({ self: "a" });
    home.judgeNode("b", "up");
    home.hear("b", 1, 1, [
      summary(),
      summary({ r: "s" }),
      summary({ r: "t", s: "down", y: "missed" }),
    ]);
    home.hear("c", 1, 1, [summary({ r: "elsewhere" })]);
    const audited = home.audit.head().size;
    home.judgeNode("b", "down");
    home.judgeNode("b", "down");
    expect(home.changes("r")).toEqual([">up", "up>down"]);
    expect(home.changes("s")).toEqual([">up", "up>down"]);
    expect(home.changes("t")).toEqual([">down"]);
    expect(home.says("t")).toBe("down/home-down");
    expect(home.changes("elsewhere")).toEqual([">unknown"]);
    expect(home.audit.head().size).toBe(audited);
    home.judgeNode("b", "up");
    home.hear("b", 1, 2, [summary({ s: "late", y: "overdue" })]);
    expect(home.audit.head().size).toBe(audited + 1);
  });

  test("VE6 since does not reach back before another status that was shown", () => {
    const home = reader({ t: 9_000 });
    home.advance(1_000);
    home.judgeNode("b", "down");
    expect(home.view("r")?.sinceWallMs).toBe(WALL_MS + 1_000);
    home.advance(5_000);
    home.judgeNode("b", "up");
    expect(home.view("r")).toMatchObject({ status: "up", sinceWallMs: WALL_MS + 6_000 });
    home.advance(5_000);
    home.hear("b", 1, 2, [summary({ n: 6, c: 6, t: 20_000 })]);
    expect(home.view("r")?.sinceWallMs).toBe(WALL_MS + 6_000);
    home.hear("b", 1, 3, [summary({ n: 6, c: 6, s: "late", t: 500 })]);
    expect(home.view("r")?.sinceWallMs).toBe(home.wallMs - 500);
    expect(home.changes("r")).toEqual([">up", "up>down", "down>up", "up>late"]);
  });

  test("VE6 a home that came back with a new boot is asked anew: what it said before does not count", () => {
    const home = reader();
    home.hear("b", 2, 1, []);
    expect(home.says("r")).toBe("unknown/not-heard");
    home.hear("b", 2, 2, [summary()]);
    expect(home.says("r")).toBe("up");
  });
});

describe("which node is the home", () => {
  test("VE6 the home is the node with the newest accepted beat, this node included", () => {
    const home = reader({ a: 1_000 });
    home.judgeNode("c", "up");
    home.hear("c", 1, 1, [summary({ a: 500, s: "late", f: 1 })]);
    expect(home.view("r")).toMatchObject({ node: "c", status: "late" });
    home.beat("r");
    expect(home.view("r")).toMatchObject({ node: "a", status: "up", ageMs: 0 });
    home.claim("r", "b");
    home.advance(10);
    home.hear("b", 1, 2, [summary({ n: 6, c: 6, a: 5 })]);
    expect(home.view("r")).toMatchObject({ node: "b", ageMs: 5 });
  });

  /** A reader of a robot that `b` has registered and beats for. */
  function registered(floating = false): VirtualHome {
    const home = new VirtualHome({ self: "a" });
    for (const node of ["b", "c"]) home.judgeNode(node, "up");
    home.author = "b";
    home.records.set("r", new Map([["/schedule", ["every", 10_000, 0, 1, 60_000]]]));
    if (floating) home.records.get("r")?.set("/floating", true);
    home.hear("b", 1, 1, [summary({ a: 0 })]);
    home.advance(1_000);
    return home;
  }

  test("VE6 P3 a node without a claim in its chain is no home of a robot that another one registered, dead or alive", () => {
    const home = registered();
    for (const standing of ["up", "down"] as const) {
      home.judgeNode("b", standing);
      const before = home.says("r");
      for (let seq = 1; seq <= 5; seq += 1) {
        home.advance(500);
        home.hear("c", standing === "up" ? 1 : 2, seq, [summary({ n: 9, c: 9, a: 0, f: 1 })]);
      }
      expect([home.says("r"), home.view("r")?.node]).toEqual([before, "b"]);
    }
    expect(home.says("r")).toBe("down/home-down");
  });

  test("VE6 P3 with the claim in its chain the node is the home at once, whichever came first", () => {
    const home = registered();
    home.judgeNode("b", "down");
    home.hear("c", 1, 1, [summary({ n: 1, c: 1, a: 0 })]);
    expect(home.says("r")).toBe("down/home-down");
    home.claim("r", "b");
    home.claim("r", "c");
    home.robots.onRecord("r", home.now);
    home.settle();
    expect([home.says("r"), home.view("r")?.node]).toEqual(["up", "c"]);
    expect(home.changes("r")).toEqual([">up", "up>down", "down>up"]);
  });

  test("VE6 a robot marked floating in the document has its home wherever it beats, and is no alarm", () => {
    const home = registered(true);
    home.hear("c", 1, 1, [summary({ n: 9, c: 9, a: 0 })]);
    expect(home.view("r")?.node).toBe("c");
    expect(home.events.some(({ type }) => type === "two-homes")).toBe(false);
  });

  test("VE6 the first beat of a robot that another node hosts writes a claim of its own, once", () => {
    const home = registered();
    home.claim("r", "b");
    home.beat("r");
    expect(home.writes).toEqual([{ robot: "r", pointers: ["/schedule"] }]);
    expect(home.view("r")).toMatchObject({
      node: "a",
      status: "up",
      schedule: { everyMs: 10_000 },
    });
    home.advance(1_000);
    home.beat("r");
    home.restart();
    home.beat("r");
    expect(home.writes).toHaveLength(1);
  });

  test("VE6 a hosted robot that the own chain does not claim is claimed by its next live beat, and by no log", () => {
    const home = registered();
    home.claim("r", "b");
    home.beat("r");
    home.claimants.set("r", new Set(["b"]));
    home.restart();
    home.beat("r", "log");
    expect(home.writes).toHaveLength(1);
    home.beat("r");
    expect(home.writes).toHaveLength(2);
  });

  test("P3 VE6 a held-back pulse of a former home does not take a robot back", () => {
    const home = reader({ a: 0 });
    home.judgeNode("c", "up");
    home.advance(5_000);
    home.hear("c", 1, 1, [summary({ a: 0 })]);
    home.advance(1_000);
    home.hear("b", 1, 2, [summary({ n: 6, c: 6, a: 0 })], home.monoMs - 4_000);
    expect(home.view("r")?.node).toBe("c");
  });

  test("VE6 without any beat the home is who registered the robot, else the smallest id that speaks of it", () => {
    const home = new VirtualHome({ self: "m" });
    for (const node of ["z", "b"]) home.judgeNode(node, "up");
    const unheard = { r: "r", n: 0, c: 0, t: 10, s: "new" };
    home.hear("z", 1, 1, [unheard]);
    home.hear("b", 1, 1, [unheard]);
    expect(home.view("r")?.node).toBe("b");
    home.register("r", { type: "every", everyMs: 1_000, graceMs: 0, missed: 1, startupMs: 60_000 });
    expect(home.view("r")?.node).toBe("m");
  });

  test("VE6 a robot that only the document knows is unknown, or what its author's standing says", () => {
    const home = new VirtualHome({ self: "a" });
    home.author = "b";
    home.records.set("r", new Map([["/schedule", ["every", 1_000, 0, 1, 60_000]]]));
    home.robots.onRecord("r", home.now);
    expect(home.says("r")).toBe("unknown/home-unknown");
    home.judgeNode("b", "up");
    expect(home.says("r")).toBe("unknown/not-heard");
    home.judgeNode("b", "down");
    expect(home.says("r")).toBe("down/home-down");
    expect(home.view("r")).toMatchObject({
      schedule: { everyMs: 1_000 },
      beats: 0,
      node: "b",
      ageMs: undefined,
    });
  });

  test("CH4 a retired robot has no status, whoever still speaks of it", () => {
    const home = reader();
    home.retired.set("r", "b");
    home.robots.onRecord("r", home.now);
    home.hear("b", 1, 2, [summary({ n: 6, c: 6 })]);
    expect([home.says("r"), home.robots.ids()]).toEqual(["nothing", []]);
  });
});

describe("without a majority", () => {
  test("VE6 P2 nobody without a majority calls a robot down, its own home included, and takes it back with the majority", () => {
    const home = reader({ s: "down", y: "missed" });
    home.beat("own");
    home.advance(60_001);
    expect([home.says("r"), home.says("own")]).toEqual(["down/missed", "down/missed"]);
    home.majority = false;
    home.robots.onMajority(home.now);
    home.settle();
    expect([home.says("r"), home.says("own")]).toEqual([
      "unknown/home-minority",
      "unknown/home-minority",
    ]);
    home.majority = true;
    home.robots.onMajority(home.now);
    home.settle();
    expect(home.changes("own")).toEqual([">up", "up>down", "down>unknown", "unknown>down"]);
  });

  test("VE6 P9 a cut-off home still says that its robots are up, first hand", () => {
    const home = new VirtualHome();
    home.majority = false;
    home.beat("r");
    expect(home.says("r")).toBe("up");
  });
});

describe("no borrowed life", () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("pass" as const),
        ms: fc.integer({ min: 1, max: 3_000 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("beat" as const), ms: fc.constant(0) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("spool" as const),
        ms: fc.integer({ min: -5_000, max: 5_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("log" as const), ms: fc.constant(0) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("restart" as const),
        ms: fc.integer({ min: 0, max: 2_000 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("wall" as const),
        ms: fc.integer({ min: -100_000, max: 100_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("off-wall" as const),
        ms: fc.integer({ min: -100_000, max: 0 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("stall" as const),
        ms: fc.integer({ min: 1, max: 2_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("register" as const),
        ms: fc.integer({ min: 100, max: 100_000 }),
      }),
    },
  );
  const ranks: Record<string, number> = { new: 0, up: 0, late: 1, down: 2 };

  test("P3 VE7 in any order of beats, spooled beats, restarts, stalls and clock steps, only a live beat makes a robot better", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, isCron) => {
        const home = new VirtualHome();
        const schedule = isCron
          ? ({
              type: "cron",
              line: "hourly",
              timeZone: "UTC",
              graceMs: 1_000,
              startupMs: 1_000,
            } as const)
          : ({
              type: "every",
              everyMs: 1_000,
              graceMs: 1_000,
              missed: 2,
              startupMs: 1_000,
            } as const);
        home.register("r", schedule);
        for (const { do: what, ms } of steps) {
          const before = ranks[home.view("r")?.status ?? ""] ?? 9;
          if (what === "pass") home.advance(isCron ? ms * 1_000 : ms);
          else if (what === "beat") home.beat("r");
          else if (what === "spool")
            home.beat("r", "success", { spooledAtWallMs: home.wallMs - ms });
          else if (what === "log") home.beat("r", "log");
          else if (what === "restart") home.restart(ms);
          else if (what === "off-wall") home.restart(0, ms);
          else if (what === "wall") home.wallMs += ms;
          else if (what === "register")
            home.register("r", {
              type: "every",
              everyMs: ms,
              graceMs: 0,
              missed: 1,
              startupMs: 100_000,
            });
          else {
            home.freeze(ms);
            home.robots.onStall(ms, home.now);
            home.settle();
          }
          home.advance(0);
          const after = ranks[home.view("r")?.status ?? ""] ?? 9;
          if (what !== "beat") expect(after).toBeGreaterThanOrEqual(before);
        }
      }),
      { numRuns: 600 },
    );
  });
});
