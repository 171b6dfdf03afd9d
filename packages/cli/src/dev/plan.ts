/** Who runs where in `dev`: nodes in two regions by turns, three robots on the first three nodes, ports that are free. */
import { join } from "node:path";
import { isFree } from "../host-port.ts";
import type { SampleFolders } from "./sample-folders.ts";

export interface RobotPlan {
  readonly robot: string;
  /** Arguments of `dev-robot` that say what to look at. */
  readonly args: readonly string[];
}

export interface NodePlan {
  readonly name: string;
  readonly region: string;
  readonly httpPort: number;
  readonly meshPort: number;
  readonly dataDir: string;
  readonly robots: readonly RobotPlan[];
}

export const loopback = "127.0.0.1";
/** HTTP and mesh ports stand side by side: 7420 and 7421, 7422 and 7423, … */
const portsPerNode = 2;
const portLast = 65_535;
const regions = ["eu", "us"] as const;

/** Plans `count` nodes. Ports go up from `httpBase`; taken ones are passed over. */
export async function planNodes(
  count: number,
  httpBase: number,
  folder: string,
  robots: readonly RobotPlan[],
): Promise<NodePlan[]> {
  const ports = await freePorts(count * portsPerNode, httpBase);
  return Array.from({ length: count }, (_, i) => {
    const region = regions[i % regions.length] ?? "eu";
    const name = `${region}-${Math.floor(i / regions.length) + 1}`;
    return {
      name,
      region,
      httpPort: ports[i * portsPerNode] ?? 0,
      meshPort: ports[i * portsPerNode + 1] ?? 0,
      dataDir: join(folder, "nodes", name),
      robots: robots.filter((_robot, r) => r % count === i),
    };
  });
}

/** The example robots over the sample folders. */
export function planRobots(folders: SampleFolders): RobotPlan[] {
  return [
    { robot: "secret-scanner", args: ["--folder", folders.source] },
    { robot: "permission-check", args: ["--folder", folders.release] },
    {
      robot: "replica-freshness",
      args: ["--folder", folders.replica, "--primary", folders.primary],
    },
  ];
}

async function freePorts(count: number, from: number): Promise<number[]> {
  const found: number[] = [];
  for (let port = from; found.length < count && port <= portLast; port++) {
    if (await isFree({ host: loopback, port })) found.push(port);
  }
  return found;
}
