import { beforeEach, describe, expect, test } from "vitest";
import { EVENT_READER_BLOCKED_ROUNDS_MAX, EVENT_RING_MAX } from "../limits.ts";
import { EventReader, type EventSink } from "./event-reader.ts";
import { EventRing } from "./event-ring.ts";

class ScriptedSink implements EventSink {
  readonly written: string[] = [];
  open = true;
  state: "open" | "ended" | "destroyed" = "open";

  write(text: string): boolean {
    this.written.push(text);
    return this.open;
  }

  end(): void {
    this.state = "ended";
  }

  destroy(): void {
    this.state = "destroyed";
  }

  /** "id type" of what was written, comments as they are. */
  lines(): readonly string[] {
    return this.written.map((text) => {
      const match = /^id: \w+-(\d+)\nevent: (\S+)/.exec(text);
      return match === null ? text.trim() : `${match[1]} ${match[2]}`;
    });
  }
}

let ring: EventRing;
let sink: ScriptedSink;

beforeEach(() => {
  ring = new EventRing("s", "x");
  sink = new ScriptedSink();
});

function reader(
  options: {
    readonly types?: readonly string[];
    readonly robot?: string;
    readonly lastId?: string;
  } = {},
): EventReader {
  const { types = [], robot, lastId } = options;
  return new EventReader({ ring, sink, wallMs: () => 0 }, { filter: { types, robot }, lastId });
}

function beat(robot = "a"): void {
  ring.push({ type: "robot-beat", robot, kind: "beat", atWallMs: 0 }, 0);
}

describe("HT11 what a reader gets", () => {
  test("HT11 what comes after it joined, each once", () => {
    beat();
    const one = reader();
    beat();
    beat();
    one.pump();
    one.pump();
    expect(sink.lines()).toEqual(["2 robot-beat", "3 robot-beat"]);
  });

  test("HT11 a reader that comes back gets what it missed", () => {
    for (let i = 0; i < 4; i += 1) beat();
    reader({ lastId: "s-2" }).pump();
    expect(sink.lines()).toEqual(["3 robot-beat", "4 robot-beat"]);
  });

  test("HT11 filters by type and robot; gaps come through every filter", () => {
    const one = reader({ types: ["robot-status"], robot: "b" });
    beat("b");
    for (const robot of ["a", "b"]) {
      ring.push(
        { type: "robot-status", robot, from: "up", to: "down", reason: "missed", atWallMs: 0 },
        0,
      );
    }
    ring.push({ type: "lost", count: 3, reason: "slow-gateway" }, 0);
    one.pump();
    expect(sink.lines()).toEqual(["3 robot-status", "4 lost"]);
  });

  test("HT11 a node named like the robot is not the robot", () => {
    const one = reader({ robot: "b" });
    ring.push({ type: "synced", with: "b" }, 0);
    one.pump();
    expect(sink.lines()).toEqual([]);
  });
});

describe("HT12 what a slow reader gets", () => {
  test("HT12 nothing more is written until it drains", () => {
    const one = reader();
    sink.open = false;
    beat();
    beat();
    one.pump();
    expect(sink.lines()).toEqual(["1 robot-beat"]);
    sink.open = true;
    one.drained();
    expect(sink.lines()).toEqual(["1 robot-beat", "2 robot-beat"]);
  });

  test("HT12 what the ring forgot meanwhile is one lost event, from whose id nothing is lost again", () => {
    const one = reader();
    sink.open = false;
    beat();
    one.pump();
    for (let i = 0; i < EVENT_RING_MAX + 10; i += 1) beat();
    sink.open = true;
    one.drained();
    expect(sink.lines().slice(0, 3)).toEqual(["1 robot-beat", "11 lost", "12 robot-beat"]);
    expect(sink.lines()).toHaveLength(EVENT_RING_MAX + 2);
    expect(sink.written[1]).toContain('"data":{"count":10,"reason":"slow-reader"}');
    expect(ring.resume("s-11")).toEqual({ position: 12 });
  });

  test("HT12 a reader from another boot is told so first", () => {
    beat();
    reader({ lastId: "other-7" }).pump();
    expect(sink.lines()).toEqual(["0 lost", "1 robot-beat"]);
    expect(sink.written[0]).toContain('"reason":"other-boot"');
  });

  test("HT12 a quiet stream gets comments, a blocked one does not pile them up", () => {
    const one = reader();
    one.keepAlive();
    expect(sink.lines()).toEqual([": still here"]);
    sink.open = false;
    beat();
    one.pump();
    one.keepAlive();
    expect(sink.written).toHaveLength(2);
  });

  test("HT12 a reader blocked for EVENT_READER_BLOCKED_ROUNDS_MAX keep-alives is cut", () => {
    const one = reader();
    sink.open = false;
    beat();
    one.pump();
    for (let i = 1; i < EVENT_READER_BLOCKED_ROUNDS_MAX; i += 1) one.keepAlive();
    expect(sink.state).toBe("open");
    one.keepAlive();
    expect(sink.state).toBe("destroyed");
  });
});
