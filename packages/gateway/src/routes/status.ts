/** `GET /status/{robot}`: one line for scripts, with the verdict in the status code as well. */
import type { Status } from "@pulsemesh/core";
import type { GatewayContext } from "../context.ts";
import { TEXT_MEDIA_TYPE } from "../media-types.ts";
import { knownRobot, robotIdOf } from "../request/robot-id.ts";
import type { ResponseDoc, Route } from "../route.ts";

interface StatusAnswer {
  readonly code: number;
  readonly word: string;
}

/** `late` is still alive: a beat is overdue, nobody has given the robot up. */
const STATUS_ANSWERS: Readonly<Record<Status, StatusAnswer>> = {
  up: { code: 200, word: "alive" },
  late: { code: 200, word: "alive" },
  new: { code: 200, word: "new" },
  paused: { code: 200, word: "paused" },
  down: { code: 500, word: "down" },
  unknown: { code: 503, word: "unknown" },
  left: { code: 410, word: "left" },
};

export function statusRoutes({ node }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["GET", "HEAD"],
      path: "/status/{robot}",
      operation: "status",
      summary: "Whether a robot is alive, in one line and by status code",
      writes: false,
      responses: {
        200: line("Alive (up or late), new, or paused on purpose", "security_bot is alive"),
        410: line("Left for good", "security_bot is left"),
        500: line("Down", "security_bot is down"),
        503: line("This node cannot know", "security_bot is unknown"),
      },
      errors: ["robot-id-invalid", "robot-unknown"],
      handle: (request, reply) => {
        const robot = knownRobot(node, robotIdOf(request));
        const { code, word } = STATUS_ANSWERS[robot.status];
        return reply.code(code).type(TEXT_MEDIA_TYPE).send(`${robot.robot} is ${word}`);
      },
    },
  ];
}

function line(description: string, example: string): ResponseDoc {
  return { description, type: TEXT_MEDIA_TYPE, example };
}
