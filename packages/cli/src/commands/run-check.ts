/**
 * What `run` checks before its first side effect (rule CLI5): no folder is made and no port opened for a start that cannot succeed.
 * Whoever takes a port between this check and the start is met when it is opened.
 */
import { PulsemeshError } from "@pulsemesh/core";
import {
  type HostPort,
  type ListenTrouble,
  formatHostPort,
  hostPortOfMultiaddr,
  listenTrouble,
} from "../host-port.ts";
import type { RunSetup } from "./run-setup.ts";

/**
 * Checks the addresses of a setup.
 * @throws PulsemeshError `http-insecure`, `address-in-use` or `address-invalid`
 */
export async function checkPlan({ plan, tls, token }: RunSetup): Promise<void> {
  const { http, insecureHttp, socket, node } = plan;
  // With all that comes along: no other command should have to load it.
  const { checkUnixDoor, isGuarded } = await import("@pulsemesh/gateway");
  if (!isGuarded({ host: http.host, insecureHttp, tls, token })) {
    throw new PulsemeshError(
      "http-insecure",
      `Cannot serve HTTP on ${formatHostPort(http)}: it is reachable from other machines and has no password, or sends it in the clear.`,
    );
  }
  refuse(`serve HTTP on ${formatHostPort(http)}`, http, await listenTrouble(http));
  if (socket !== undefined) await checkUnixDoor(socket);
  for (const text of node.listen ?? []) {
    const at = hostPortOfMultiaddr(text);
    if (at !== undefined) refuse(`listen on ${text}`, at, await listenTrouble(at));
  }
}

function refuse(what: string, { host }: HostPort, trouble: ListenTrouble | undefined): void {
  if (trouble === undefined) return;
  if (trouble === "taken") {
    throw new PulsemeshError("address-in-use", `Cannot ${what}: another process listens there.`);
  }
  const why =
    trouble === "not-local"
      ? `'${host}' is not an address of this machine`
      : "this user may not listen there";
  throw new PulsemeshError("address-invalid", `Cannot ${what}: ${why}.`);
}
