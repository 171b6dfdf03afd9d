/** What `dev` shows while it runs: tables drawn in place on a terminal, otherwise one line for each thing that changes. */
import type { PeersJson, RobotJson } from "@pulsemesh/client";
import { outageLines } from "../outage-line.ts";
import { statusWord } from "../status-word.ts";
import { peerTable, robotTable } from "../status-table.ts";
import type { LocalMesh, LocalNode } from "./local-mesh.ts";
import { printable } from "../printable.ts";

export interface DevSnapshot {
  readonly from: string;
  readonly peers: PeersJson;
  readonly robots: readonly RobotJson[];
}

/** Asks the nodes in turn; undefined when none answers. */
export async function takeSnapshot({ nodes }: LocalMesh): Promise<DevSnapshot | undefined> {
  for (const { client, plan, child } of nodes) {
    if (!child().running()) continue;
    try {
      const [peers, robots] = await Promise.all([client.peers(), client.robots()]);
      return { from: plan.name, peers, robots };
    } catch {
      // The next node answers for the whole fleet just as well.
    }
  }
  return undefined;
}

/** Both tables, and who says so. */
export function snapshotLines(snapshot: DevSnapshot | undefined, color: boolean): string[] {
  if (snapshot === undefined) return ["No node answers."];
  const { from, peers, robots } = snapshot;
  const hash = peers.view.document_hash.slice(0, 16);
  return [
    ...robotTable(robots, color),
    "",
    ...peerTable(peers, color),
    "",
    `seen by ${from}: ${peers.view.in_sight} of ${peers.view.roster} nodes in sight, document ${hash}`,
    ...outageLines(peers.view.unreachable, Date.now()),
  ];
}

/** What changed between two snapshots, a line each. */
export function changeLines(
  before: DevSnapshot | undefined,
  after: DevSnapshot | undefined,
): string[] {
  if (after === undefined) return before === undefined ? [] : ["no node answers"];
  const old = before === undefined ? new Map<string, string>() : wordsOf(before);
  return [...wordsOf(after).entries()]
    .filter(([name, words]) => old.get(name) !== words)
    .map(([name, words]) => printable(`${name}: ${words}`));
}

function wordsOf({ peers, robots }: DevSnapshot): Map<string, string> {
  const because = (reason: string | null): string => (reason === null ? "" : ` (${reason})`);
  const { self } = peers;
  return new Map<string, string>([
    [`node ${self.name}`, statusWord("up")],
    ...peers.peers.map(
      (peer) => [`node ${peer.name}`, `${statusWord(peer.status)}${because(peer.reason)}`] as const,
    ),
    ...robots.map(
      (robot) =>
        [
          `robot ${robot.robot_id}`,
          `${statusWord(robot.status)}${because(robot.reason)}, health ${robot.health}`,
        ] as const,
    ),
  ]);
}

/** What to try next, with the real addresses and pids. */
export function tryNextLines(mesh: LocalMesh, folders: { readonly source: string }): string[] {
  const first = mesh.nodes[0];
  if (first === undefined) return [];
  const last = mesh.nodes.at(-1) ?? first;
  return [
    `Nodes: ${mesh.nodes.map(nodeText).join(" · ")}`,
    "",
    "Try next, in another terminal:",
    `  curl -X POST ${first.url}/heartbeat/my_robot      a robot of your own, seen by all nodes`,
    `  curl ${last.url}/status/my_robot                  asked at another node`,
    `  echo 'key: ${"AKIA"}IOSFODNN7EXAMPLE' > ${folders.source}/oops.env   the scanner will find it`,
    `  kill -9 ${last.child().pid}                       the others will say that ${last.plan.name} is down`,
    `  pulsemesh invite --url ${first.url}               for a node of your own: pulsemesh run --data DIR --join INVITE`,
    `  pulsemesh status --url ${first.url}               open ${first.url}/api/v1/robots in a browser`,
    "Ctrl-C stops everything and removes its folder.",
    "",
  ];
}

function nodeText({ plan, url, child }: LocalNode): string {
  return `${plan.name} ${url} (pid ${child().pid})`;
}
