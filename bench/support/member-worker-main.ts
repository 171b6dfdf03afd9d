/** Some nodes of a fleet in a process of their own, for `bench/membership.bench.ts`. */
import { join } from "node:path";
import { createNode, type PulsemeshNode } from "@pulsemesh/node";
import { UNHURRIED } from "./unhurried.ts";

export type MemberCommand =
  | {
      readonly type: "start";
      readonly dir: string;
      readonly names: readonly string[];
      readonly invite: string;
    }
  | { readonly type: "smallest-roster" }
  /** Answered when every node here, but that one, has it out of its roster and its connections. */
  | { readonly type: "watch"; readonly node: string; readonly limitMs: number }
  | { readonly type: "stop" };

export type MemberAnswer =
  | { readonly type: "started" }
  | { readonly type: "roster"; readonly smallest: number }
  /** When each node here had it out, in wall ms. */
  | { readonly type: "out"; readonly atWallMs: readonly number[] }
  | { readonly type: "stopped" };

const LOOK_EVERY_MS = 10;
const nodes: PulsemeshNode[] = [];

async function answer(command: MemberCommand): Promise<MemberAnswer> {
  switch (command.type) {
    case "start":
      for (const name of command.names) {
        nodes.push(
          await createNode({
            dataDir: join(command.dir, name),
            name,
            listen: ["/ip4/127.0.0.1/tcp/0"],
            ...UNHURRIED,
            invite: command.invite,
          }),
        );
      }
      return { type: "started" };
    case "smallest-roster":
      return {
        type: "roster",
        smallest: Math.min(...nodes.map((node) => node.fleetView().inSight)),
      };
    case "watch":
      return { type: "out", atWallMs: await watch(command.node, command.limitMs) };
    case "stop":
      await Promise.all(nodes.map((node) => node.stop()));
      return { type: "stopped" };
  }
}

async function watch(revoked: string, limitMs: number): Promise<readonly number[]> {
  const waiting = new Set(nodes.filter(({ id }) => id !== revoked && !isRevoked(id)));
  const atWallMs: number[] = [];
  const endMs = performance.now() + limitMs;
  while (waiting.size > 0 && performance.now() < endMs) {
    for (const node of waiting) {
      // The dear question last: it is asked of twenty nodes in one process.
      if (node.roundTripMs(revoked) !== undefined) continue;
      if (node.fleetView().nodes.some((other) => other.node === revoked)) continue;
      waiting.delete(node);
      atWallMs.push(Date.now());
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return atWallMs;
}

/** One that was revoked earlier hears nothing any more. */
function isRevoked(id: string): boolean {
  return nodes.some(
    (node) => node.id !== id && node.authorityView().revocations.some((each) => each.node === id),
  );
}

process.on("message", (command: MemberCommand) => {
  void answer(command).then((said) => process.send?.(said));
});
