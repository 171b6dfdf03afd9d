/** A node that is away before its first boot is durable has no pulse that could be overdue (rule PU6). */
import { CoreRig } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Effect } from "../effect.ts";
import type { CoreEvent } from "../event.ts";

const BEAT = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" } as const;

/** What a node left on disk that had one other member, silent since, and one robot that beats once a minute. */
function rowsOfPair(): Map<string, Uint8Array> {
  const header = new CoreRig("na").start().find(isState);
  const rig = new CoreRig("nb");
  rig.start();
  rig.input({ type: "gossip", topic: "state", from: "na", bytes: header?.bytes ?? NOTHING });
  rig.input({ type: "command", id: 1, command: BEAT });
  rig.settle();
  return rig.rows;
}

const NOTHING = new Uint8Array();

type Publish = Extract<Effect, { readonly type: "publish" }>;

function isState(effect: Effect): effect is Publish {
  return effect.type === "publish" && effect.topic === "state";
}

function eventsIn(effects: readonly Effect[]): readonly CoreEvent[] {
  return effects.flatMap((effect) => (effect.type === "emit" ? [effect.event] : []));
}

/** What was said, as `node-status na down`. */
function words(effects: readonly Effect[]): readonly string[] {
  return eventsIn(effects).flatMap((event) => {
    if (event.type === "stalled") return ["stalled"];
    if (event.type === "verdict") return [`${event.kind} ${event.subject}`];
    return event.type === "robot-status" ? [`${event.to} ${event.robot}`] : [];
  });
}

function pass(rig: CoreRig, forMs: number): void {
  rig.monoMs += forMs;
  rig.wallMs += forMs;
}

describe("a stall before the first boot is durable", () => {
  test.each([
    ["at once", 0],
    ["after a while", 500],
  ])("PU6 VE5 is noticed, and nobody is judged by it: %s", (_, runsMs) => {
    const rig = new CoreRig("nb", { rows: rowsOfPair() });
    const effects = [...rig.restore()];
    const held = rig.writing.splice(0);
    effects.push(...rig.advance(runsMs));
    pass(rig, 20_000);
    rig.writing.push(...held);
    effects.push(...rig.settle(), ...rig.advance(9_000));
    expect(words(effects)).toContain("stalled");
    expect(words(effects)).not.toContain("down na");
    expect(words(effects)).not.toContain("down bot");
    expect(words(rig.advance(6_000))).toContain("down na");
  });

  test("PU6 DU3 a disk that takes long is no stall", () => {
    const rig = new CoreRig("nb", { rows: rowsOfPair() });
    const effects = [...rig.restore()];
    rig.writing.splice(0);
    effects.push(...rig.advance(8_000));
    expect(words(effects)).not.toContain("stalled");
  });
});
