/**
 * About which robots a node's beats count (rule ME1): those that its newest grant is about. What a node writes of others is not shown either (`rights.ts`), but
 * a beat is no entry, and a robot's home is whoever has its newest beat: without this any member could show a dead robot of somebody else alive.
 */
import type { NodeId, RobotId } from "../ids.ts";
import type { Authority } from "./authority.ts";
import { allowsRobot } from "./robot-pattern.ts";

export interface HostRights {
  /** Another number where the answers may be others. */
  readonly version: number;
  /** Which robots a node may speak of; undefined: of all. */
  of(node: NodeId): ((robot: RobotId) => boolean) | undefined;
}

export function hostRights(authority: Authority): HostRights {
  return {
    get version() {
      return authority.version;
    },
    of(node) {
      if (!authority.isClosed) return undefined;
      const grant = authority.grantOf(node);
      if (grant === undefined || grant.roles.includes("observer")) return () => false;
      if (grant.robots.includes("*")) return undefined;
      return (robot) => allowsRobot(grant.robots, robot);
    },
  };
}
