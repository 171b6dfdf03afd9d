/** The checks of `doctor` that ask the node: does it answer, is its clock right, does it see its peers. */
import {
  type OutageJson,
  type PeersJson,
  type PulsemeshClient,
  PulsemeshClientError,
} from "@pulsemesh/client";
import { doorOf } from "../client-flags.ts";
import { formatAge } from "../duration.ts";
import { errorCodeOf, failureText } from "../failure.ts";
import { formatHostPort, hostPortOfMultiaddr } from "../host-port.ts";
import { outageText } from "../outage-line.ts";
import type { Finding } from "./doctor-finding.ts";

const clockOffMs = 5_000;
const answerTimeoutMs = 3_000;
const longMs = 3_600_000;

/** Whether a node answers, and who it is. */
export async function checkNode(client: PulsemeshClient, url: string): Promise<Finding[]> {
  try {
    const { self, fleet } = await client.peers();
    const detail = `${self.name} (${self.id}) answers at ${url}, fleet ${fleet.slice(0, 12)}…`;
    const twins = self.twin === undefined ? [] : [twinFinding(self.twin)];
    return [{ check: "node", result: "ok", detail }, ...twins, addressFinding(self.addresses)];
  } catch (error) {
    const detail = failureText(error);
    if (errorCodeOf(error) === "not-ready") return [waitingFinding(url)];
    const isOther = error instanceof PulsemeshClientError && error.code === "answer-invalid";
    const next = isOther
      ? "something else answers there: name the address of a node's HTTP port with --url or PULSEMESH_URL"
      : "start one with `pulsemesh run`, or name it with --url or PULSEMESH_URL";
    return [{ check: "node", result: "fail", detail, next }];
  }
}

/** It answers, and what it answers is that it has not got a fleet yet, or has not read its disk. */
function waitingFinding(url: string): Finding {
  return {
    check: "node",
    result: "warn",
    detail: `a node answers at ${url}, and is still starting or waiting for a member named by --join`,
    next: "see its log for whom it tried and what came of it; the member must run and be reachable there, and in a private network --network-key-file must be the same on both",
  };
}

function twinFinding({ boot }: { readonly boot: number }): Finding {
  return {
    check: "twin",
    result: "fail",
    detail: `another process runs under this node's key (boot ${boot}): two disks are copies of each other, and neither acknowledges anything`,
    next: "stop one of the two and start it on an empty --data folder; the other goes on by itself",
  };
}

function addressFinding(addresses: readonly string[]): Finding {
  const hosts = addresses.map((text) => hostPortOfMultiaddr(text)).filter((at) => at !== undefined);
  const detail = hosts.map(formatHostPort).join(", ");
  if (hosts.some(({ host }) => !/^(127\.|::1$|localhost$)/.test(host))) {
    return { check: "addresses", result: "ok", detail };
  }
  return {
    check: "addresses",
    result: "warn",
    detail: `${detail || "none"}: only this machine can connect`,
    next: "to let other machines join, run with --listen /ip4/0.0.0.0/tcp/7421",
  };
}

/** Whether this machine and the node agree on the time; undefined when nothing answers. */
export async function checkClock(url: string): Promise<Finding | undefined> {
  try {
    const { baseUrl, fetch: fetchBy } = doorOf(url);
    const answer = await fetchBy(`${baseUrl}/livez`, {
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    await answer.body?.cancel();
    const nodeMs = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(nodeMs)) return undefined;
    const offMs = Math.abs(Date.now() - nodeMs);
    // The header has whole seconds.
    if (offMs <= clockOffMs)
      return { check: "clock", result: "ok", detail: "this machine's is the node's" };
    return {
      check: "clock",
      result: "warn",
      detail: `this machine's differs from the node's by ${formatAge(offMs)}`,
      next: "set both by NTP: silence is measured without it, but times people read will be off",
    };
  } catch {
    return undefined;
  }
}

/** A member that was replaced counts until it is retired, so too many of them take the majority away. */
function nextWithoutMajority(missing: PeersJson["peers"]): string {
  const network = "check the network between this machine and the nodes below";
  const away = missing.filter(isAllowedAway).map(({ name }) => name);
  if (away.length > 0)
    return `${network}; ${away.join(", ")} may be offline and count all the same: keep a majority of nodes that are always on`;
  const silent = missing.filter(({ last_pulse_age_ms: ageMs }) => ageMs === null || ageMs > longMs);
  if (silent.length === 0) return network;
  const names = silent.map(({ name }) => name).join(", ");
  return `${network}; ${names} were not heard for over an hour, and members that are gone for good count until they are retired: pulsemesh node retire NAME`;
}

/** It said that it may be silent for so long (rule VE9). */
function isAllowedAway({ reason }: PeersJson["peers"][number]): boolean {
  return reason === "offline-allowed";
}

function aboutPeer(peer: PeersJson["peers"][number]): Finding {
  const { name, status, reason, addresses } = peer;
  if (isAllowedAway(peer))
    return { check: "peer", result: "ok", detail: `${name} is away, as it said that it may be` };
  return {
    check: "peer",
    result: "warn",
    detail: `${name} is ${status}${reason === null ? "" : ` (${reason})`}`,
    next: `see that it runs and can be reached at ${addresses.join(", ") || "its address"}`,
  };
}

function aboutRegion(outage: OutageJson): Finding {
  return {
    check: "region",
    result: "warn",
    detail: `${outage.to} is ${outageText(outage, Date.now())}`,
    next: "see to the network between the two regions; its nodes may be well, and a node over there can tell",
  };
}

/** Whether the node sees enough of the roster to judge, and who is missing. */
export async function checkPeers(client: PulsemeshClient): Promise<Finding[]> {
  try {
    const { view, peers } = await client.peers();
    const sight = `${view.in_sight} of ${view.roster} nodes in sight`;
    const majority = view.in_sight > view.roster / 2;
    const missing = peers.filter(({ status }) => status !== "up");
    return [
      majority
        ? { check: "roster", result: "ok", detail: sight }
        : {
            check: "roster",
            result: "fail",
            detail: `${sight}: no majority, so everything else is unknown`,
            next: nextWithoutMajority(missing),
          },
      ...(view.unreachable ?? []).map(aboutRegion),
      ...missing.map(aboutPeer),
    ];
  } catch {
    return [];
  }
}
