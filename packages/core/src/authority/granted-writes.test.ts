import { CoreRig, TestAuthority } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Command } from "../command.ts";
import type { Effect } from "../effect.ts";

const fleet = new TestAuthority();
const schedule = {
  type: "every",
  everyMs: 60_000,
  graceMs: 0,
  missed: 3,
  startupMs: 60_000,
} as const;

const COMMANDS: readonly (readonly [string, (robot: string) => Command])[] = [
  ["beat", (robot) => ({ type: "beat", robot, kind: "beat", create: "heartbeat" })],
  ["register", (robot) => ({ type: "register", robot, schedule, labels: {} })],
  ["patch-state", (robot) => ({ type: "patch-state", robot, patch: { n: 1 } })],
  ["retire", (robot) => ({ type: "retire", robot })],
];

function rigWith(...statements: readonly string[]): CoreRig {
  const rig = new CoreRig("a", { fleet: fleet.fleet, config: { statements } });
  rig.start();
  return rig;
}

function answerTo(rig: CoreRig, command: Command): Extract<Effect, { type: "reply" }>["result"] {
  const effects = [...rig.input({ type: "command", id: 1, command }), ...rig.settle()];
  const reply = effects.find((effect) => effect.type === "reply");
  if (reply?.type !== "reply") throw new Error("A command must be answered.");
  return reply.result;
}

describe("commands about robots that the node's own grant does not cover", () => {
  test.each(COMMANDS)(
    "ME1 P5 %s is refused as robot-not-granted, and taken of a robot that is granted",
    (_, make) => {
      const rig = rigWith(fleet.root(), fleet.grant("a", { robots: ["zap-*"] }));
      answerTo(rig, { type: "beat", robot: "zap-1", kind: "beat", create: "heartbeat" });
      expect(answerTo(rig, make("bot-1"))).toMatchObject({ ok: false, code: "robot-not-granted" });
      expect(rig.core.robotIds()).toEqual(["zap-1"]);
      expect(answerTo(rig, make("zap-1"))).not.toMatchObject({ code: "robot-not-granted" });
    },
  );

  test("ME1 a beat of a robot that this node hosts is refused once its grant is about others", () => {
    const rig = rigWith(fleet.root(), fleet.grant("a"));
    const beat = { type: "beat", robot: "bot-1", kind: "beat", create: "heartbeat" } as const;
    expect(answerTo(rig, beat)).toMatchObject({ ok: true });
    const token = fleet.grant("a", { robots: ["zap-*"], issuedS: 1_800_000_005 });
    expect(answerTo(rig, { type: "statement", token })).toEqual({ ok: true });
    expect(answerTo(rig, beat)).toMatchObject({ ok: false, code: "robot-not-granted" });
  });

  test("ME1 in an open fleet every node writes about every robot", () => {
    const beat = { type: "beat", robot: "bot-1", kind: "beat", create: "heartbeat" } as const;
    expect(answerTo(rigWith(), beat)).toMatchObject({ ok: true });
  });
});
