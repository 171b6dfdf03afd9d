import { expect, test } from "vitest";
import { EVENT_RING_MAX } from "../limits.ts";
import { EventRing } from "./event-ring.ts";

const robot = "a";
const state = {};

function filled(count: number): EventRing {
  const ring = new EventRing("boot1", "pulsemesh://f/n");
  for (let i = 0; i < count; i += 1) {
    ring.push({ type: "robot-state", robot, state, atWallMs: i }, i);
  }
  return ring;
}

test("HT11 a frame is one CloudEvent with its id and type", () => {
  const ring = new EventRing("boot1", "pulsemesh://f/n");
  ring.push({ type: "robot-beat", robot, kind: "beat", atWallMs: 0 }, 5);
  const [id, event, data, ...rest] = ring.at(1)?.frame().split("\n") ?? [];
  expect([id, event, rest]).toEqual(["id: boot1-1", "event: robot-beat", ["", ""]]);
  expect(JSON.parse(data?.replace(/^data: /, "") ?? "")).toEqual({
    specversion: "1.0",
    id: "boot1-1",
    source: "pulsemesh://f/n",
    type: "pulsemesh.robot-beat",
    subject: "a",
    time: "1970-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    data: { robot_id: "a", kind: "beat" },
  });
});

test("HT11 a newline inside an event cannot end its frame", () => {
  const ring = new EventRing("s", "x");
  ring.push(
    { type: "robot-state", robot, state: { text: "a\n\nevent: forged\r" }, atWallMs: 0 },
    0,
  );
  expect(ring.at(1)?.frame().split(/\r|\n/)).toHaveLength(5);
});

test("HT11 reading goes on after the last id seen, without one it starts with the next event", () => {
  const ring = filled(10);
  expect(ring.resume(undefined)).toEqual({ position: 11 });
  expect(ring.resume("")).toEqual({ position: 11 });
  expect(ring.resume("boot1-4")).toEqual({ position: 5 });
  expect(ring.resume("boot1-10")).toEqual({ position: 11 });
  expect(ring.resume("boot1-0")).toEqual({ position: 1 });
});

test("HT12 a gap beyond EVENT_RING_MAX events is told with its size", () => {
  const ring = filled(EVENT_RING_MAX + 5);
  expect([ring.first, ring.next]).toEqual([6, EVENT_RING_MAX + 6]);
  expect(ring.at(5)).toBeUndefined();
  expect(ring.resume("boot1-5")).toEqual({ position: 6 });
  expect(ring.resume("boot1-4")).toEqual({ position: 6, lost: { count: 1, reason: "too-old" } });
  expect(ring.resume("boot1-0")).toEqual({ position: 6, lost: { count: 5, reason: "too-old" } });
});

test.each(["boot2-3", "boot1-11", "boot1-99999999999999999", "3", "boot1", "boot1--1", "\u0000"])(
  "HT12 the id %j of another boot, or of none, is told as a gap of unknown size",
  (id) => {
    expect(filled(10).resume(id)).toEqual({
      position: 1,
      lost: { count: null, reason: "other-boot" },
    });
  },
);
