/**
 * `::` is every address of a machine (rule DP10): what runs in many places, such as an image, names it so that it is reached in clusters of
 * either family, and must start as well where the kernel has no IPv6 at all.
 */
import { type HostPort, hostPortOfMultiaddr, listenTrouble } from "../host-port.ts";
import type { RunPlan } from "./run-options.ts";

const everyAddress = "::";
const everyIpv4Address = "0.0.0.0";

/**
 * The plan for this machine. Where there is no IPv6, HTTP and probes at `::` are at `0.0.0.0`, and of the mesh's addresses those at `/ip6/::` are
 * left out if there are others.
 * @param hasIpv6 - asked only where it matters
 */
export async function planForMachine(
  plan: RunPlan,
  hasIpv6: () => Promise<boolean> = canListenOnIpv6,
): Promise<{ readonly plan: RunPlan; readonly leftOut: readonly string[] }> {
  const { http, probes, node } = plan;
  const listen = node.listen ?? [];
  const onIpv6 = listen.filter((text) => hostPortOfMultiaddr(text)?.host === everyAddress);
  const isAsked = onIpv6.length > 0 || isEvery(http) || isEvery(probes);
  if (!isAsked || (await hasIpv6())) return { plan, leftOut: [] };
  const leftOut = onIpv6.length < listen.length ? onIpv6 : [];
  return {
    plan: {
      ...plan,
      http: isEvery(http) ? { ...http, host: everyIpv4Address } : http,
      probes: isEvery(probes) ? { ...probes, host: everyIpv4Address } : probes,
      node: { ...node, listen: listen.filter((text) => !leftOut.includes(text)) },
    },
    leftOut,
  };
}

function isEvery(at: HostPort | undefined): at is HostPort {
  return at?.host === everyAddress;
}

async function canListenOnIpv6(): Promise<boolean> {
  return (await listenTrouble({ host: everyAddress, port: 0, ipv6Only: true })) === undefined;
}
