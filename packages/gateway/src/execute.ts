/** Hands a command to the node and turns a refusal into a problem. */
import type { Command, CommandResult } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import { HttpProblem } from "./problem.ts";

export type Accepted = Extract<CommandResult, { ok: true }>;

/**
 * Resolves when what is acknowledged is durable (promise P5).
 * @throws HttpProblem with the code of the refusal; 429 carries Retry-After
 */
export async function execute(node: PulsemeshNode, command: Command): Promise<Accepted> {
  const result = await node.command(command);
  if (result.ok) return result;
  const { code, detail, retryAfterMs } = result;
  const waitMs = retryAfterMs ?? (code === "beats-too-many" ? 1_000 : undefined);
  throw new HttpProblem(
    code,
    detail,
    waitMs === undefined ? {} : { "retry-after": wholeSeconds(waitMs) },
  );
}

function wholeSeconds(durationMs: number): string {
  return String(Math.max(1, Math.ceil(durationMs / 1_000)));
}
