import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { BeatCommand } from "../command.ts";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import { dagCborCodec } from "../wire/dag-cbor.ts";
import { TwinMesh, type TwinProcess } from "./twin-mesh.test-support.ts";
import { FOREIGN_PULSES_PER_SECOND_MAX } from "./twins.ts";

const BEAT: BeatCommand = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" };

const HEADER = {
  upMs: 0,
  wallMs: 0,
  intervalMs: 1_000,
  lagMs: 0,
  doubt: false,
  pausedForMs: undefined,
  goodbye: false,
};
const ATTACHMENT = {
  agent: "t",
  heard: [],
  heads: [],
  auditSize: 0,
  auditHash: new Uint8Array(32),
  missing: [],
  beats: [],
};

function mesh(): TwinMesh {
  const net = new TwinMesh(createTestPorts);
  for (const name of ["x", "y", "z"]) net.start(name, name);
  net.connect("x", "y");
  net.connect("y", "z");
  net.connect("x", "z");
  net.run(5_000);
  return net;
}

function count(process: TwinProcess, type: string): number {
  return process.events.filter(({ event }) => event.type === type).length;
}

function statusAt(net: TwinMesh, at: string, of: string): string {
  const node = net.viewOf(at).nodes.find((each) => each.node === of);
  return `${node?.status} ${node?.reason}`;
}

function bootOf(net: TwinMesh, name: string): number {
  return net.viewOf(name).self.boot;
}

/** The disk of x as it was after its first beat, copied, and both processes running for some time, each with a beat of its own. */
function twice(
  turnMs: number,
  names: readonly string[] = ["x", "x2"],
): { net: TwinMesh; x: TwinProcess; twin: TwinProcess } {
  const net = mesh();
  expectOk(net, "x", BEAT);
  const copy = new Map(net.process("x").rows);
  expectOk(net, "x", { ...BEAT, robot: "written-after-the-copy" });
  net.run(3_000);
  const x = net.process("x");
  const twin = net.start("x2", "x", copy);
  net.run(50);
  expectOk(net, "x2", { ...BEAT, robot: "written-by-the-twin" });
  net.alternate(names, ["y", "z"], turnMs);
  return { net, x, twin };
}

function isFound(process: TwinProcess): boolean {
  return count(process, "twin") > 0;
}

describe("a copied disk", () => {
  test.each([250, 1_000, 1_500])(
    "BK1 running twice is known to both within 5 s, where they take turns of %i ms at each neighbour",
    (turnMs) => {
      const { net, x, twin } = twice(turnMs);
      const tookMs = net.runUntil("both to know", 5_000, () => isFound(x) && isFound(twin));
      expect(tookMs).toBeLessThanOrEqual(5_000);
      net.run(3_000);
      for (const at of ["y", "z"]) expect(statusAt(net, at, "x")).toBe("unknown twin");
      for (const name of ["x", "x2"]) {
        for (const command of [
          BEAT,
          { type: "patch-state", robot: "bot", patch: { a: 1 } },
        ] as const) {
          expect(net.command(name, command)).toMatchObject({ ok: false, code: "twin" });
        }
      }
    },
  );

  test("BK1 BK2 two processes with neighbours of its own each find out too, and know of each other as long as both run", () => {
    const net = mesh();
    expectOk(net, "x", BEAT);
    const copy = new Map(net.process("x").rows);
    net.disconnect("x", "z");
    net.run(2_000);
    const x = net.process("x");
    const twin = net.start("x2", "x", copy);
    net.connect("x2", "z");
    net.run(5_000);
    expect([isFound(x), isFound(twin)]).toEqual([true, true]);
    net.run(60_000);
    expect([count(x, "twin"), count(twin, "twin")]).toEqual([1, 1]);
    expect([count(x, "twin-over"), count(twin, "twin-over")]).toEqual([0, 0]);
  });

  test.each([250, 1_000, 1_500])(
    "BK1 three times is known to all three, and none of them takes the others for gone: turns of %i ms",
    (turnMs) => {
      const { net, x, twin } = twice(turnMs, ["x", "x2", "x3"]);
      net.run(5_000);
      const third = net.start("x3", "x", new Map(x.rows));
      net.runUntil("the third to know", 10_000, () => isFound(third));
      net.run(60_000);
      for (const process of [x, twin, third])
        expect([count(process, "twin"), count(process, "twin-over")]).toEqual([1, 0]);
    },
  );

  test.each(["x", "x2"])(
    "BK1 PU6 when %s is stopped for 20 s and goes on, it does not take the silence for the other's end",
    (stalled) => {
      const { net } = twice(1_000);
      const process = net.process(stalled);
      net.runUntil(
        "both to know",
        5_000,
        () => isFound(net.process("x")) && isFound(net.process("x2")),
      );
      net.run(5_000);
      net.stall(stalled, 20_000);
      net.run(10_000);
      const asked = net.ask(stalled, BEAT);
      net.run(10_100);
      expect(net.answerTo(asked)).toMatchObject({ ok: false, code: "twin" });
      expect(count(process, "twin-over")).toBe(0);
      net.run(20_000);
      for (const name of ["x", "x2"])
        expect(net.command(name, BEAT)).toMatchObject({ ok: false, code: "twin" });
    },
  );

  test("BK1 PU6 a node that has no twin is not told of one by being stopped for 20 s, again and again", () => {
    const net = mesh();
    const x = net.process("x");
    for (let round = 0; round < 4; round++) {
      net.stall("x", 20_000);
      net.run(25_000);
      expectOk(net, "x", BEAT);
    }
    expect(count(x, "stalled") + count(x, "clock-stepped")).toBeGreaterThan(3);
    expect(count(x, "twin")).toBe(0);
  });

  test("BK1 P5 what waits for an earlier entry when the proof comes is answered twin, and not left to wait", () => {
    const { net: rehearsal, x: same } = twice(250);
    rehearsal.runUntil("x to know", 5_000, () => isFound(same));
    const foundMs = same.events.find(({ event }) => event.type === "twin")?.atMs ?? 0;
    const { net, x } = twice(250);
    net.run(foundMs - net.nowMs - 1);
    const patch = (n: number): number =>
      net.ask("x", { type: "patch-state", robot: "bot", patch: { n } });
    const [first, second] = [patch(1), patch(2)];
    net.run(1);
    expect(isFound(x)).toBe(true);
    net.run(100);
    expect(net.answerTo(first)).toMatchObject({ ok: true });
    expect(net.answerTo(second)).toMatchObject({ ok: false, code: "twin" });
  });

  test("BK1 P5 nobody who wrote while the two found out about each other is left without an answer", () => {
    const { net, x, twin } = twice(250);
    const asked: { readonly name: string; readonly id: number }[] = [];
    for (let n = 0; !isFound(x) || !isFound(twin); n++) {
      expect(n).toBeLessThan(500);
      const name = n % 2 === 0 ? "x" : "x2";
      asked.push({ name, id: net.ask(name, { type: "patch-state", robot: "bot", patch: { n } }) });
      net.run(10);
    }
    net.run(500);
    const codes = asked.map(({ id }) => {
      const answer = net.answerTo(id);
      return answer?.ok === false ? answer.code : answer?.ok;
    });
    expect(
      codes.filter((code) => code !== true && code !== "twin" && code !== "not-ready"),
    ).toEqual([]);
    expect(codes).toContain(true);
  });

  test("BK1 while it goes on, it is said once, and no more boots are opened against each other", () => {
    const { net, x, twin } = twice(3_000);
    net.runUntil("both to know", 30_000, () => isFound(x) && isFound(twin));
    net.run(10_000);
    const boots = [bootOf(net, "x"), bootOf(net, "x2")];
    net.run(120_000);
    expect([count(x, "twin"), count(twin, "twin")]).toEqual([1, 1]);
    expect([count(x, "twin-over"), count(twin, "twin-over")]).toEqual([0, 0]);
    expect([bootOf(net, "x"), bootOf(net, "x2")]).toEqual(boots);
    for (const at of ["y", "z"]) expect(statusAt(net, at, "x")).toBe("unknown twin");
  });

  test.each(["x", "x2"])(
    "BK1 BK3 P5 when %s is stopped the other works on, and what each acknowledged is there and marked",
    (stopped) => {
      const { net, x, twin } = twice(1_000);
      net.runUntil("both to know", 5_000, () => isFound(x) && isFound(twin));
      net.run(5_000);
      net.stop(stopped);
      const left = stopped === "x" ? twin : x;
      net.runUntil("the other to work on", 20_000, () => count(left, "twin-over") > 0);
      net.run(5_000);
      expectOk(net, left.name, BEAT);
      net.run(40_000);
      for (const at of ["y", "z"]) expect(statusAt(net, at, "x")).toBe("up undefined");
      const hashes = [...net.processes.keys()].map((name) => net.viewOf(name).documentHash);
      expect(new Set(hashes).size).toBe(1);
      for (const process of net.processes.values())
        expect(process.core?.robotIds()).toEqual([
          "bot",
          "written-after-the-copy",
          "written-by-the-twin",
        ]);
      expect(auditKinds(left)).toEqual(
        expect.arrayContaining(["twin", "twin-over", "own-entry-returned"]),
      );
      expect(count(net.process("y"), "rollback")).toBeGreaterThan(0);
    },
  );

  test("BK1 P3 recordings of all that was ever sent under its key make no node believe that it has a twin", () => {
    const { net, x, twin } = twice(1_000);
    const old = new Map(x.rows);
    net.runUntil("both to know", 5_000, () => isFound(x) && isFound(twin));
    net.run(20_000);
    const recorded = net.published.filter(
      ({ by, topic }) => topic === "pulse" && by.startsWith("x"),
    );
    expect(recorded.length).toBeGreaterThan(20);
    net.stop("x");
    net.stop("x2");
    net.run(10_000);
    const restored = net.start("x3", "x", old);
    net.connect("x3", "y");
    net.connect("x3", "z");
    for (let round = 0; round < 3; round++) {
      for (const { bytes } of recorded) {
        net.replay("x3", bytes, "y");
        net.run(20);
      }
    }
    expect(count(restored, "twin")).toBe(0);
    net.run(20_000);
    expectOk(net, "x3", BEAT);
  });

  test.each([false, true])(
    "BK1 P3 who is left of two is not stopped once more by recordings of the other, which had said farewell: %s",
    (withFarewell) => {
      const { net, x, twin } = twice(1_000);
      net.runUntil("both to know", 5_000, () => isFound(x) && isFound(twin));
      net.run(5_000);
      if (withFarewell) net.ask("x2", { type: "stop", mode: "pause", restartWithinMs: 60_000 });
      net.run(500);
      net.stop("x2");
      net.runUntil("x to work on", 20_000, () => count(x, "twin-over") > 0);
      net.run(2_000);
      const recorded = net.published.filter(({ by, topic }) => topic === "pulse" && by === "x2");
      expect(recorded.length).toBeGreaterThan(5);
      for (let round = 0; round < 30; round++) {
        for (const { bytes } of recorded.slice(-10)) net.replay("x", bytes, "y");
        net.run(1_000);
        expectOk(net, "x", BEAT);
      }
      expect([count(x, "twin"), count(x, "twin-over")]).toEqual([1, 1]);
    },
  );

  test("BK1 P6 of pulses under its key that are not above its own FOREIGN_PULSES_PER_SECOND_MAX are verified in a second, the rest is dropped, and forgeries above use none of that up", () => {
    const net = new TwinMesh(createTestPorts);
    const ports = createTestPorts("x", "x");
    let verified = 0;
    const { verify } = ports.signature;
    const counting = {
      ...ports,
      signature: {
        ...ports.signature,
        verify: (...given: Parameters<typeof verify>) => {
          verified += 1;
          return verify(...given);
        },
      },
    };
    const x = net.start("x", "x", new Map(), counting);
    net.run(1_500);
    const { boot } = net.viewOf("x").self;
    const env = { identity: x.identity, config: coreConfig({}), ports, out: new Outbox() };
    const pulse = (boot: number, seq: number): Uint8Array =>
      sealPulse(env, { ...HEADER, boot, seq }, ATTACHMENT);
    const forged = { ...env, ports: { ...ports, signature: createTestPorts("y").signature } };
    for (let seq = 1; seq <= FOREIGN_PULSES_PER_SECOND_MAX * 2; seq++)
      net.replay("x", sealPulse(forged, { ...HEADER, boot: boot + 1, seq }, ATTACHMENT), "y");
    expect(net.viewOf("x").self.boot).toBe(boot);
    verified = 0;
    for (let seq = 1; seq <= FOREIGN_PULSES_PER_SECOND_MAX * 2; seq++) {
      net.replay("x", pulse(boot - 1, seq), "y");
    }
    expect(verified).toBe(FOREIGN_PULSES_PER_SECOND_MAX);
    // One above is looked at all the same: it makes the node rise above it.
    net.replay("x", pulse(boot + 1, 1), "y");
    net.run(100);
    expect(net.viewOf("x").self.boot).toBeGreaterThan(boot + 1);
  });

  test("BK1 a restored disk of which no other process is left is no twin: peers report what it lacks, and hand it back", () => {
    const net = mesh();
    expectOk(net, "x", BEAT);
    const old = new Map(net.process("x").rows);
    net.run(2_000);
    net.stop("x");
    net.run(1_000);
    net.start("x", "x", new Map(old));
    net.connect("x", "y");
    net.connect("x", "z");
    net.run(3_000);
    expectOk(net, "x", { ...BEAT, robot: "lost-with-the-disk" });
    net.run(3_000);
    net.stop("x");
    const restored = net.start("x", "x", old);
    net.connect("x", "y");
    net.connect("x", "z");
    net.run(60_000);
    expect(count(restored, "twin")).toBe(0);
    expect(restored.core?.robotIds()).toEqual(["bot", "lost-with-the-disk"]);
    expect(auditKinds(restored)).toContain("own-entry-returned");
    expect(count(net.process("y"), "rollback")).toBeGreaterThan(0);
    expect(statusAt(net, "y", "x")).toBe("up undefined");
  });

  test.each([1, 40, 700])(
    "BK1 PU3 P5 started twice within one second, %i ms apart, both know it within 5 s, and lose nothing",
    (apartMs) => {
      const net = mesh();
      expectOk(net, "x", BEAT);
      const { rows } = net.process("x");
      net.stop("x");
      net.run(20_000 - (net.nowMs % 1_000));
      const x = net.start("x", "x", new Map(rows));
      net.run(apartMs);
      const twin = net.start("x2", "x", new Map(rows));
      net.run(10);
      expect(bootOf(net, "x")).not.toBe(bootOf(net, "x2"));
      const robots = ["only-at-x", "only-at-x2"];
      expectOk(net, "x", { ...BEAT, robot: "only-at-x" });
      expectOk(net, "x2", { ...BEAT, robot: "only-at-x2" });
      net.alternate(["x", "x2"], ["y", "z"], 1_000);
      net.runUntil("both to know", 5_000, () => isFound(x) && isFound(twin));
      net.run(5_000);
      net.stop("x2");
      net.run(60_000);
      for (const process of net.processes.values())
        expect(process.core?.robotIds()).toEqual(["bot", ...robots]);
    },
  );
});

function auditKinds({ rows }: TwinProcess): readonly string[] {
  return [...rows].flatMap(([key, value]) => {
    if (!/^audit\/\d/.test(key)) return [];
    const [, , kind] = dagCborCodec.decode(value) as readonly unknown[];
    return typeof kind === "string" ? [kind] : [];
  });
}

function expectOk(net: TwinMesh, name: string, command: BeatCommand): void {
  expect(net.command(name, command)).toMatchObject({ ok: true });
}
