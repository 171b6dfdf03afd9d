/**
 * The nodes and robots of `dev` as processes: start them, wait until they agree, restart one, find one that answers. The fleet is a closed one
 * (rule CLI15): the first node gets an authority before it starts, and makes an invite for each of the others.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

/** Nodes that start together: more of them take longer, as the issuer has those ask again that come while it answers as many (rule ME7). */
export const STARTS_AT_ONCE_MAX: number = 4;
/** Whom nobody has invited. */
export const strangerName = "stranger";
/** Robots look this often; the mesh waits for two missed looks and a bit. */
const robotRoundEvery = "1s";
const robotPromise = ["--every", "2s", "--missed", "2", "--grace", "1s"] as const;
const answerTimeoutMs = 1_500;
const startTimeoutMs = 20_000;
const pollMs = 50;

/** Makes the authority, starts the first node, the others by its invites, then the robots. `signal` stops the waiting. */
export async function startLocalMesh(
  crew: Crew,
  plans: readonly NodePlan[],
  signal: AbortSignal,
): Promise<LocalMesh> {
  const [first, ...others] = plans;
  if (first === undefined) throw new Error("Cannot start a mesh without nodes");
  await makeAuthority(crew, first);
  const firstNode = startNode(crew, first, undefined);
  await untilAnswers(firstNode, signal);
  const invited = await startInWaves(
    others,
    async (plan) => startNode(crew, plan, await invite(crew, firstNode, plan)),
    (wave) => untilAllAnswer(wave, signal),
  );
  const nodes = [firstNode, ...invited];
  const robots = nodes.flatMap(({ plan, url }) =>
    plan.robots.map((robot) => crew.start(robot.robot, robotArgs(robot, url))),
  );
  await untilAllAnswer(nodes, signal);
  return { nodes, robots };
}

/** The root's keys end up in the temporary folder as well; those of a real fleet belong on another machine. */
async function makeAuthority(crew: Crew, { region, dataDir }: NodePlan): Promise<void> {
  const root = join(crew.folder, "root");
  const flags = ["--data", dataDir, "--root", root, "--region", region];
  const init = crew.start("init", ["init", ...flags]);
  const { code, signal: by } = await init.ended;
  if (code === 0) return;
  throw new Error(
    `the authority of the fleet was not made: init ended with ${by ?? `exit code ${code}`}`,
  );
}

/** Its invite is in a file, since everybody on this machine sees what a process is started with. It is used once, and read at each start. */
async function invite(crew: Crew, issuer: LocalNode, { name, region }: NodePlan): Promise<string> {
  // Each of them writes about every robot in the story, so nobody's is narrowed to its own.
  const made = await issuer.client.invite({ roles: ["robot"], robots: ["*"], region });
  const folder = join(crew.folder, "invites");
  const file = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, `${made.invite}\n`, { mode: 0o600 });
  return file;
}

function startNode(crew: Crew, plan: NodePlan, joinFile: string | undefined): LocalNode {
  const args = nodeArgs(plan, joinFile);
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
export function nodeArgs(plan: NodePlan, joinFile: string | undefined): string[] {
  const flags = {
    "--name": plan.name,
    "--region": plan.region,
    "--data": plan.dataDir,
    "--http": `${loopback}:${plan.httpPort}`,
    "--listen": `/ip4/${loopback}/tcp/${plan.meshPort}`,
    ...(joinFile === undefined ? {} : { "--join-file": joinFile }),
    "--log-format": "pretty",
  };
  return [
    "run",
    ...Object.entries(flags).flat(),
    ...plan.robots.flatMap(({ robot }) => ["--robot", robot, ...robotPromise]),
  ];
}

/** Starts a node that knows the fleet's address and has no invite. */
export function startStranger(crew: Crew, address: string): Child {
  const flags = {
    "--name": strangerName,
    "--data": join(crew.folder, "nodes", strangerName),
    "--http": `${loopback}:0`,
    "--listen": `/ip4/${loopback}/tcp/0`,
    "--join": address,
  };
  return crew.start(strangerName, ["run", ...Object.entries(flags).flat()]);
}

function robotArgs({ robot, args }: RobotPlan, url: string): string[] {
  return ["dev-robot", robot, "--url", url, "--every", robotRoundEvery, ...args];
}

/**
 * Starts all in turn, as the issuer writes down one invite after the other; whoever has one starts while the next is made. Once as many as may
 * start together do, it waits for them; for the last ones it does not.
 */
export async function startInWaves<Plan, Node>(
  plans: readonly Plan[],
  start: (plan: Plan) => Promise<Node>,
  untilUp: (wave: readonly Node[]) => Promise<void>,
): Promise<readonly Node[]> {
  const nodes: Node[] = [];
  for (const plan of plans) {
    if (nodes.length > 0 && nodes.length % STARTS_AT_ONCE_MAX === 0)
      await untilUp(nodes.slice(-STARTS_AT_ONCE_MAX));
    nodes.push(await start(plan));
  }
  return nodes;
}

async function untilAllAnswer(nodes: readonly LocalNode[], signal: AbortSignal): Promise<void> {
  await Promise.all(nodes.map((node) => untilAnswers(node, signal)));
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
