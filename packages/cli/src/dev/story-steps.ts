/**
 * The story of `dev --once`, step by step, on real processes and folders that are really damaged: what each robot finds, what
 * the mesh says when a node is killed, and that nothing written before, during or after is lost.
 */
import { EXIT } from "../exit-code.ts";
import type { Crew } from "./crew.ts";
import {
  type LocalMesh,
  type LocalNode,
  startStranger,
  strangerName,
  untilAnswers,
} from "./local-mesh.ts";
import {
  type SampleFolders,
  closePermissions,
  makeReplicaStale,
  openPermissions,
  plantSecret,
  refreshReplica,
  removeSecret,
} from "./sample-folders.ts";
import type { Step, StepResult } from "./story.ts";
import { type Look, until } from "./until.ts";

const agreeTimeoutMs = 15_000;
const findTimeoutMs = 6_000;
const verdictTimeoutMs = 10_000;
const returnTimeoutMs = 12_000;

interface Cast {
  readonly mesh: LocalMesh;
  readonly folders: SampleFolders;
  /** The node that is killed: the last one with a robot, never the first, which is the one that people look at. */
  readonly victim: LocalNode;
  readonly others: readonly LocalNode[];
  /** The robot that the victim hosts. */
  readonly orphan: string;
  /** What was written to state so far: robot, key, value. */
  readonly written: { readonly robot: string; readonly key: string; readonly value: string }[];
  auditSize: number;
}

/** The steps over a mesh that is starting. */
export function storySteps(crew: Crew, mesh: LocalMesh, folders: SampleFolders): Step[] {
  const cast = castOf(mesh, folders);
  return [
    { name: "all nodes see each other", play: (signal) => agree(cast, signal) },
    { name: "all robots are up on every node", play: (signal) => robotsUp(cast, signal) },
    {
      name: "a node without an invite is turned away",
      play: (signal) => turnAway(crew, mesh.nodes, signal),
    },
    {
      name: "state is written on every node",
      play: (signal) => writeState(cast, "before", mesh.nodes, signal),
    },
    ...damageSteps(cast),
    ...deathSteps(cast),
    ...returnSteps(cast),
  ];
}

function castOf(mesh: LocalMesh, folders: SampleFolders): Cast {
  const victim = mesh.nodes.findLast(({ plan }) => plan.robots.length > 0);
  const orphan = victim?.plan.robots[0]?.robot;
  if (victim === undefined || orphan === undefined || victim === mesh.nodes[0]) {
    throw new Error("Cannot play the story with one node");
  }
  const others = mesh.nodes.filter((node) => node !== victim);
  return { mesh, folders, victim, others, orphan, written: [], auditSize: 0 };
}

/** It is told so, and ends. */
async function turnAway(
  crew: Crew,
  nodes: readonly LocalNode[],
  signal: AbortSignal,
): Promise<StepResult> {
  const [first] = nodes;
  const address = (await first?.client.peers())?.self.addresses[0];
  if (first === undefined || address === undefined) throw new Error("no node has an address");
  const stranger = startStranger(crew, address);
  try {
    const isOver = async (): Promise<true | string> =>
      !stranger.running() || "the stranger is still there";
    await until(isOver, { timeoutMs: agreeTimeoutMs, signal });
  } finally {
    stranger.kill("SIGKILL");
  }
  const { code } = await stranger.ended;
  if (code !== EXIT.usage) throw new Error(`the stranger ended with exit code ${code}`);
  for (const { client, plan } of nodes) {
    const { peers } = await client.peers();
    if (peers.some(({ name }) => name === strangerName))
      throw new Error(`${plan.name} has taken the stranger for a member`);
  }
  return { note: `only who is invited is let in, says ${first.plan.name}` };
}

function damageSteps({ mesh: { nodes }, folders }: Cast): Step[] {
  const everywhere = async (
    robot: string,
    health: string,
    signal: AbortSignal,
  ): Promise<StepResult> => {
    await untilAll(nodes, findTimeoutMs, signal, async ({ client }) => {
      const seen = await client.robot(robot);
      return seen.health === health || `${robot} is ${seen.health}, not ${health}`;
    });
    return { note: `${robot} is ${health} on ${nodes.length} nodes` };
  };
  return [
    {
      name: "a secret is planted: the scanner finds it",
      play: async (signal) => {
        await plantSecret(folders);
        return await everywhere("secret-scanner", "failing", signal);
      },
    },
    {
      name: "chmod 777 on a released file: the compliance check finds it",
      play: async (signal) => {
        await openPermissions(folders);
        return await everywhere("permission-check", "failing", signal);
      },
    },
    {
      name: "the replica falls an hour behind: the verifier notices",
      play: async (signal) => {
        await makeReplicaStale(folders, Date.now());
        return await everywhere("replica-freshness", "degraded", signal);
      },
    },
    {
      name: "all three are repaired: everybody is ok again",
      play: async (signal) => {
        await Promise.all([
          removeSecret(folders),
          closePermissions(folders),
          refreshReplica(folders),
        ]);
        for (const robot of ["secret-scanner", "permission-check", "replica-freshness"]) {
          await everywhere(robot, "ok", signal);
        }
        return {};
      },
    },
  ];
}

function deathSteps(cast: Cast): Step[] {
  const { victim, others, orphan } = cast;
  return [
    {
      name: `kill -9 of node ${victim.plan.name}: the others say down`,
      play: async (signal) => await killVictim(cast, signal),
    },
    {
      name: `its robot ${orphan} is down with it`,
      play: async (signal) => {
        await untilAll(others, findTimeoutMs, signal, async ({ client }) => {
          const { status, reason } = await client.robot(orphan);
          return (
            (status === "down" && reason === "home-down") || `${orphan} is ${status} (${reason})`
          );
        });
        return { note: "reason home-down" };
      },
    },
    {
      name: "state is written while it is dead, for its robot too",
      play: (signal) => writeState(cast, "during", others, signal),
    },
  ];
}

async function killVictim(cast: Cast, signal: AbortSignal): Promise<StepResult> {
  const { victim, others } = cast;
  const audit = await victim.client.auditVerify();
  cast.auditSize = audit.size;
  const { self } = await victim.client.peers();
  const startMs = performance.now();
  victim.child().kill("SIGKILL");
  const times = await Promise.all(
    others.map(async (node) => {
      await untilAll([node], verdictTimeoutMs, signal, async ({ client }) => {
        const { peers } = await client.peers();
        const status = peers.find(({ id }) => id === self.id)?.status;
        return status === "down" || `${self.name} is ${status ?? "not listed"}`;
      });
      return [node.plan.name, Math.round(performance.now() - startMs)] as const;
    }),
  );
  const note = times.map(([name, ms]) => `${name} after ${ms} ms`).join(", ");
  return { note: `verdict of ${note}`, measured: Object.fromEntries(times) };
}

function returnSteps(cast: Cast): Step[] {
  const { mesh, victim } = cast;
  return [
    {
      name: `node ${victim.plan.name} is started again: up everywhere, with its audit log`,
      play: async (signal) => {
        victim.restart();
        await untilAnswers(victim, signal);
        await agree(cast, signal, returnTimeoutMs);
        await robotsUp(cast, signal, returnTimeoutMs);
        return await auditIntact(cast);
      },
    },
    {
      name: "state is written after its return, on every node",
      play: (signal) => writeState(cast, "after", mesh.nodes, signal),
    },
    { name: "every node shows the same document", play: (signal) => sameDocument(cast, signal) },
  ];
}

async function agree(
  { mesh: { nodes } }: Cast,
  signal: AbortSignal,
  timeoutMs: number = agreeTimeoutMs,
): Promise<StepResult> {
  await untilAll(nodes, timeoutMs, signal, async ({ client }) => {
    const { view, peers } = await client.peers();
    const up = peers.filter(({ status }) => status === "up").length + 1;
    const whole = view.roster === nodes.length && view.in_sight === nodes.length;
    return (
      (whole && up === nodes.length) ||
      `roster ${view.roster}, in sight ${view.in_sight}, up ${up} of ${nodes.length}`
    );
  });
  return { note: `${nodes.length} of ${nodes.length} in sight` };
}

async function robotsUp(
  { mesh: { nodes } }: Cast,
  signal: AbortSignal,
  timeoutMs: number = agreeTimeoutMs,
): Promise<StepResult> {
  const wanted = nodes.flatMap(({ plan }) => plan.robots.map(({ robot }) => robot));
  await untilAll(nodes, timeoutMs, signal, async ({ client }) => {
    const robots = await client.robots();
    const missing = wanted.filter(
      (robot) => robots.find(({ robot_id: id }) => id === robot)?.status !== "up",
    );
    return missing.length === 0 || `not up: ${missing.join(", ")}`;
  });
  return { note: wanted.join(", ") };
}

/** Each of `nodes` writes a field of each robot; the step ends when all of them show all that was ever written. */
async function writeState(
  cast: Cast,
  when: string,
  nodes: readonly LocalNode[],
  signal: AbortSignal,
): Promise<StepResult> {
  const robots = cast.mesh.nodes.flatMap(({ plan }) => plan.robots.map(({ robot }) => robot));
  for (const node of nodes) {
    for (const robot of robots) {
      const key = `${when}-${node.plan.name}`;
      const value = new Date().toISOString();
      await node.client.patchState(robot, { [key]: value });
      cast.written.push({ robot, key, value });
    }
  }
  await allWrittenOn(cast, nodes, signal);
  return { note: `${nodes.length * robots.length} fields` };
}

async function allWrittenOn(
  cast: Cast,
  nodes: readonly LocalNode[],
  signal: AbortSignal,
): Promise<void> {
  await untilAll(nodes, returnTimeoutMs, signal, async ({ client }) => {
    const states = new Map((await client.robots()).map((robot) => [robot.robot_id, robot.state]));
    const lost = cast.written.filter(({ robot, key, value }) => states.get(robot)?.[key] !== value);
    return (
      lost.length === 0 || `${lost.length} of ${cast.written.length} written fields are missing`
    );
  });
}

async function auditIntact({ mesh: { nodes }, victim, auditSize }: Cast): Promise<StepResult> {
  for (const { client, plan } of nodes) {
    const audit = await client.auditVerify();
    if (!audit.ok)
      throw new Error(
        `the audit log of ${plan.name} is bad at ${audit.bad_index}: ${audit.reason}`,
      );
    if (plan === victim.plan && audit.size < auditSize) {
      throw new Error(`the audit log of ${plan.name} lost ${auditSize - audit.size} entries`);
    }
  }
  return { note: `audit logs verified, ${auditSize} entries kept` };
}

async function sameDocument(cast: Cast, signal: AbortSignal): Promise<StepResult> {
  const { nodes } = cast.mesh;
  let hash = "";
  // Robots go on writing, so the hashes are equal whenever no write is on its way.
  await until(
    async () => {
      const views = await Promise.all(nodes.map(async ({ client }) => (await client.peers()).view));
      const hashes = new Set(views.map(({ document_hash: each }) => each));
      hash = [...hashes][0] ?? "";
      return hashes.size === 1 || `${hashes.size} different document hashes`;
    },
    { timeoutMs: returnTimeoutMs, signal },
  );
  await allWrittenOn(cast, nodes, signal);
  return {
    note: `document_hash ${hash.slice(0, 16)}…, ${cast.written.length} fields intact`,
    measured: { document_hash: hash },
  };
}

async function untilAll(
  nodes: readonly LocalNode[],
  timeoutMs: number,
  signal: AbortSignal,
  look: (node: LocalNode) => ReturnType<Look>,
): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      until(
        async () => {
          const seen = await look(node);
          return seen === true || `on ${node.plan.name}: ${seen}`;
        },
        { timeoutMs, signal },
      ),
    ),
  );
}
