/**
 * Which robots a grant is about: a pattern is a robot id, or the beginning of one followed by `*`; `*` alone is every robot. No more than that, so that
 * "everything that this one allows that one allows too" can be decided, which is what keeps an issuer within its own bounds (rule ME1).
 */
import { ROBOT_ID_LENGTH_MAX, type RobotId } from "../ids.ts";

/** The rule in words, quoted by every error about a pattern. */
export const ROBOT_PATTERN_RULE: string =
  "a robot pattern is a robot id, the beginning of one and '*', or '*' alone";

const PATTERN = /^(?:\*|[A-Za-z0-9][A-Za-z0-9._:-]*\*?)$/;

export function isRobotPattern(value: unknown): value is string {
  return typeof value === "string" && value.length <= ROBOT_ID_LENGTH_MAX && PATTERN.test(value);
}

/** Whether one of the patterns allows the robot. */
export function allowsRobot(patterns: readonly string[], robot: RobotId): boolean {
  return patterns.some((pattern) => covers(pattern, robot));
}

/** Whether everything that `inner` allow is allowed by one of `outer`. */
export function allowsPatterns(outer: readonly string[], inner: readonly string[]): boolean {
  return inner.every((pattern) => outer.some((wide) => covers(wide, pattern)));
}

/** `text` is a robot id or a pattern; a pattern's own `*` is just one more character behind the prefix. */
function covers(pattern: string, text: string): boolean {
  if (!pattern.endsWith("*")) return pattern === text;
  return text.startsWith(pattern.slice(0, -1));
}
