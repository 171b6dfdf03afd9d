/** Collects which robots' rows changed in one input and writes each once, in that input's commit (rule DU2). */
import type { Env } from "../env.ts";
import type { RobotId } from "../ids.ts";
import type { CommitId } from "../input.ts";
import { encodeRobot, ROBOT_ROW_PREFIX, type LocalRobot } from "./local-robot.ts";
import type { DatedBeat } from "./apply-beat.ts";
import { REGULARITY_ROW_PREFIX } from "./regularity-rows.ts";

/** Newest diagnostics of a robot, kept apart so that plain beats do not write them again; read by people only. */
const ROBOT_MESSAGE_ROW_PREFIX: string = "robot-message/";

export class RobotRows {
  readonly #env: Env;
  readonly #dirty = new Set<LocalRobot>();

  constructor(env: Env) {
    this.#env = env;
  }

  touch(robot: LocalRobot): void {
    this.#dirty.add(robot);
  }

  /** Keeps what came with a beat. */
  keepMessage(robot: RobotId, beat: DatedBeat): void {
    if (beat.message === "") return;
    const value = this.#env.ports.codec.encode([beat.kind, beat.at.wallMs, beat.message]);
    this.#env.out.persist([{ type: "put", key: ROBOT_MESSAGE_ROW_PREFIX + robot, value }]);
  }

  /**
   * The row goes with the entry that says why, unless the id `isHosted` again by then: without that entry a node that starts would know
   * that it is the robot's home, and nothing of the robot.
   */
  delete(robot: LocalRobot, isHosted: (id: RobotId) => boolean): void {
    this.#dirty.delete(robot);
    const { id } = robot;
    const { out } = this.#env;
    out.persist([
      { type: "del", key: ROBOT_MESSAGE_ROW_PREFIX + id },
      { type: "del", key: REGULARITY_ROW_PREFIX + id },
    ]);
    out.persistWithStaged(() =>
      isHosted(id) ? [] : [{ type: "del", key: ROBOT_ROW_PREFIX + id }],
    );
  }

  /** Writes what was touched; returns the commit of the input under way, undefined when it has nothing to persist. */
  write(): CommitId | undefined {
    for (const robot of this.#dirty) {
      const value = encodeRobot(this.#env.ports.codec, robot);
      this.#env.out.persist([{ type: "put", key: ROBOT_ROW_PREFIX + robot.id, value }]);
    }
    this.#dirty.clear();
    return this.#env.out.pendingCommit();
  }
}
