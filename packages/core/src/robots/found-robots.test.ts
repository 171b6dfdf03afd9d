import { CoreRig } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Effect } from "../effect.ts";
import { SETTLED_ROBOTS_MAX } from "../state/record-table.ts";

const ROBOTS = SETTLED_ROBOTS_MAX * 2 + 10;

function register(rig: CoreRig, robots: number): void {
  for (let robot = 0; robot < robots; robot += 1)
    rig.input({
      type: "command",
      id: robot,
      command: { type: "beat", robot: `robot-${robot}`, kind: "beat", create: "heartbeat" },
    });
  rig.settle();
  rig.advance(200);
}

/** The disk of a node that holds what another one wrote, which is away now. */
function diskOfFollower(robots: number): Map<string, Uint8Array> {
  const author = new CoreRig("nb");
  author.start();
  register(author, robots);
  return new Map([...author.rows].filter(([key]) => /^(?:chain|part|member)\//.test(key)));
}

function told(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === "emit" && effect.event.type === "robot-status" ? [effect.event.robot] : [],
  );
}

test("VE6 DU1 after a start, robots that only others have spoken of are there with a status, which is no news", () => {
  const rig = new CoreRig("na", { rows: diskOfFollower(3) });
  const effects = [...rig.start(), ...rig.advance(100, 1)];
  expect(rig.core.robotIds()).toEqual(["robot-0", "robot-1", "robot-2"]);
  const [robot] = rig.core.robots(rig.now);
  expect(robot).toMatchObject({ status: "unknown", node: "nb" });
  expect(told(effects)).toEqual([]);
});

test("VE6 P6 of many robots on disk, SETTLED_ROBOTS_MAX are looked at in one input, all of them in the end, and each once", () => {
  const rig = new CoreRig("na", { rows: diskOfFollower(ROBOTS) });
  rig.restore();
  expect(rig.core.robotIds()).toHaveLength(SETTLED_ROBOTS_MAX);
  const effects = [...rig.settle(), ...rig.advance(100, 1)];
  expect(rig.core.robotIds()).toHaveLength(ROBOTS);
  expect(told(effects)).toEqual([]);
});
