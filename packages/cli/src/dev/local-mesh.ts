/** The nodes and robots of `dev` as processes: start them, wait until they agree, restart one, find one that answers. */
import { setTimeout as wait } from "node:timers/promises";
import { type PulsemeshClient, createClient } from "@pulsemesh/client";
import type { Child } from "./child.ts";
import type { Crew } from "./crew.ts";
import { type NodePlan, type RobotPlan, loopback } from "./plan.ts";

export interface LocalNode {
  readonly plan: NodePlan;
  readonly url: string;
  readonly client: PulsemeshClient;
  /** The process that runs it now, or ran it last. */
  readonly child: () => Child;
  /** Starts a new process on the same data. */
  restart(): void;
}

export interface LocalMesh {
  readonly nodes: readonly LocalNode[];
  readonly robots: readonly Child[];
}

/** Robots look this often; the mesh waits for two missed looks and a bit. */
const robotRoundEvery = "1s";
const robotPromise = ["--every", "2s", "--missed", "2", "--grace", "1s"] as const;
const answerTimeoutMs = 1_500;
const startTimeoutMs = 20_000;
const pollMs = 50;

/** Starts the first node, the others joined to it, then the robots. `signal` stops the waiting. */
export async function startLocalMesh(
  crew: Crew,
  plans: readonly NodePlan[],
  signal: AbortSignal,
): Promise<LocalMesh> {
  const [first, ...others] = plans;
  if (first === undefined) throw new Error("Cannot start a mesh without nodes");
  const firstNode = startNode(crew, first, undefined);
  await untilAnswers(firstNode, signal);
  const { self } = await firstNode.client.peers();
  const nodes = [firstNode, ...others.map((plan) => startNode(crew, plan, self.addresses[0]))];
  const robots = nodes.flatMap(({ plan, url }) =>
    plan.robots.map((robot) => crew.start(robot.robot, robotArgs(robot, url))),
  );
  await Promise.all(nodes.map((node) => untilAnswers(node, signal)));
  return { nodes, robots };
}

function startNode(crew: Crew, plan: NodePlan, join: string | undefined): LocalNode {
  const args = nodeArgs(plan, join);
  let child = crew.start(plan.name, args);
  const url = `http://${loopback}:${plan.httpPort}`;
  return {
    plan,
    url,
    client: createClient({ baseUrl: url, timeoutMs: answerTimeoutMs }),
    child: () => child,
    restart: () => {
      child = crew.start(plan.name, args);
    },
  };
}

/** The command line of one node, as a user would type it. */
export function nodeArgs(plan: NodePlan, join: string | undefined): string[] {
  const flags = {
    "--name": plan.name,
    "--region": plan.region,
    "--data": plan.dataDir,
    "--http": `${loopback}:${plan.httpPort}`,
    "--listen": `/ip4/${loopback}/tcp/${plan.meshPort}`,
    ...(join === undefined ? {} : { "--join": join }),
    "--log-format": "pretty",
  };
  return [
    "run",
    ...Object.entries(flags).flat(),
    ...plan.robots.flatMap(({ robot }) => ["--robot", robot, ...robotPromise]),
  ];
}

function robotArgs({ robot, args }: RobotPlan, url: string): string[] {
  return ["dev-robot", robot, "--url", url, "--every", robotRoundEvery, ...args];
}

/** Resolves when the node is ready; rejects when its process has ended, or when it takes too long. */
export async function untilAnswers(node: LocalNode, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs;
  while (!signal.aborted) {
    if (await isReady(node.url)) return;
    if (!node.child().running()) {
      const { code, signal: by } = await node.child().ended;
      throw new Error(`node ${node.plan.name} ended with ${by ?? `exit code ${code}`}`);
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`node ${node.plan.name} was not ready within ${startTimeoutMs / 1_000}s`);
    }
    await wait(pollMs);
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
