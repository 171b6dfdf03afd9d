/** What a long-running `run` asks of Node (rule CLI20): less memory. The launcher says the same in words that an old Node reads. */

/** Young generation: by itself V8 lets it grow to 32 MB a half while modules load, and gives that back after a quiet minute. */
export const RUN_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=4"];

/**
 * What to add to Node's command line for `pulsemesh ARGS`: nothing for other commands, or where the user has chosen already.
 * @param given - Node's flags on the command line of this process and in `NODE_OPTIONS`, which both reach the child
 */
export function nodeFlagsFor(args: readonly string[], given: string): readonly string[] {
  const hasChosen = /--max[-_]semi[-_]space[-_]size/.test(given);
  return args[0] === "run" && !hasChosen ? RUN_NODE_FLAGS : [];
}
