/** Who takes everybody must not be reached by everybody (rule ME7): such a node stays on this machine, or in a network of one's own. */
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { PulsemeshError } from "@pulsemesh/core";

const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const)
  PRIVATE.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  PRIVATE.addSubnet(net, prefix, "ipv6");

/**
 * @param addresses - listened on and announced; one that stands for all of this machine counts as each of them
 * @throws PulsemeshError `option-invalid` naming the first address beyond loopback and private networks
 */
export function refusePublic(addresses: readonly string[]): void {
  const beyond = addresses.flatMap(eachOf).find((address) => !isPrivate(address));
  if (beyond === undefined) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot take everybody who asks ('open'), as this node is reached by ${beyond}: it may listen on loopback and private addresses only. Make an invite for each node instead.`,
  );
}

function eachOf(address: string): readonly string[] {
  const [, kind = "", host = ""] = address.split("/");
  const family = new Map([
    ["0.0.0.0", "IPv4"],
    ["::", "IPv6"],
  ]).get(host);
  if (family === undefined) return [address];
  return Object.values(networkInterfaces())
    .flatMap((ofDevice) => ofDevice ?? [])
    .filter((each) => each.family === family)
    .map((each) => `/${kind}/${each.address}`);
}

function isPrivate(address: string): boolean {
  const [, kind = "", host = ""] = address.split("/");
  const family = isIP(host);
  if (family === 4 && kind === "ip4") return PRIVATE.check(host, "ipv4");
  return family === 6 && kind === "ip6" && PRIVATE.check(host, "ipv6");
}
