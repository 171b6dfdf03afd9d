/** What a member may do, as flags of `invite` and `grant sign`. */
import { isRobotPattern, PulsemeshError, ROBOT_PATTERN_RULE, ROLES } from "@pulsemesh/core";
import { type Flag, oneOf } from "../flags.ts";

export interface TermFlags {
  readonly role?: readonly RoleName[];
  readonly robots?: readonly string[];
  readonly region?: string;
}

export type RoleName = "robot" | "gateway" | "operator" | "responder" | "observer";

export const termFlags: readonly Flag[] = [
  {
    flags: "--role <role>",
    text: `${ROLES.join(", ")} (repeatable, default robot)`,
    repeat: true,
    parse: oneOf(ROLES),
  },
  {
    flags: "--robots <pattern>",
    text: "robots that the node may write about: an id, or the beginning of ids and a star, as 'zap-*' (repeatable, default all)",
    repeat: true,
    parse: parsePattern,
  },
  { flags: "--region <region>", text: "where it runs (default what the node itself says)" },
];

/** The terms that the flags name; who observes writes about nothing. */
export function termsOf({ role, robots, region }: TermFlags): {
  readonly roles: readonly RoleName[];
  readonly robots: readonly string[];
  readonly region: string | undefined;
} {
  const roles = role ?? ["robot"];
  const all = roles.includes("observer") ? [] : ["*"];
  return { roles, robots: robots ?? all, region };
}

function parsePattern(text: string, flag: string): string {
  const isPattern: boolean = isRobotPattern(text);
  if (isPattern) return text;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as ${ROBOT_PATTERN_RULE}.`,
  );
}
