/** The robot that a path names: valid, and where needed known. */
import { isRobotId, ROBOT_ID_RULE, type RobotId, type RobotView } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import type { FastifyRequest } from "fastify";
import { HttpProblem } from "../problem.ts";

/** @throws HttpProblem `robot-id-invalid` with the rule */
export function robotIdOf(request: FastifyRequest): RobotId {
  const { robot } = request.params as { readonly robot: string };
  if (isRobotId(robot)) return robot;
  throw new HttpProblem("robot-id-invalid", `${quoted(robot)} is no robot id: ${ROBOT_ID_RULE}.`);
}

/** @throws HttpProblem `robot-unknown` */
export function knownRobot(node: PulsemeshNode, id: RobotId): RobotView {
  const robot = node.robot(id);
  if (robot !== undefined) return robot;
  throw new HttpProblem("robot-unknown", `This node knows no robot '${id}'.`);
}

/** Foreign text inside a detail: short and on one line. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
