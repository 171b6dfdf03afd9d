/** The check of `doctor` that says that a node will soon have no room for further robots (rule CLI45). */
import type { PeersJson } from "@pulsemesh/client";
import type { Finding } from "./doctor-finding.ts";

const fullShare = 0.8;

/** Whether most of what one node may write about is used up. */
export function writtenFindings({ self }: PeersJson): Finding[] {
  const { written } = self;
  if (written === undefined) return [];
  const { robots, robots_max: robotsMax, ids, ids_max: idsMax } = written;
  const findings: Finding[] = [];
  if (robots >= fullShare * robotsMax)
    findings.push({
      check: "robots",
      result: "warn",
      detail: `${self.name} has written about ${robots} of ${robotsMax} robots; beyond that new ones are refused (robots-max)`,
      next: "retire robots that are gone, and register further ones at another node",
    });
  if (ids >= fullShare * idsMax)
    findings.push({
      check: "robots",
      result: "warn",
      detail: `${self.name} has used ${ids} of ${idsMax} robot ids, retired ones counted, which stay for good; beyond that new ones are refused (robots-max)`,
      next: "give robots that live for one job one id a job, not a run (`rid=` tells runs apart), and register further ones at another node",
    });
  return findings;
}
