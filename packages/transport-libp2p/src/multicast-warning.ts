/** Says once that nobody can be found on the local network, where that is so. */
import type { TransportLogger } from "./options.ts";

export async function warnWithoutMulticast(logger: TransportLogger): Promise<void> {
  const { hasMulticastRoute } = await import("./local-discovery.ts");
  if (await hasMulticastRoute()) return;
  logger.warn(
    {},
    "nobody can be found on the local network for now: no route for multicast; a default route will do, or `ip route add 224.0.0.0/4 dev DEVICE`",
  );
}
