/** The checks of `doctor` where no node answers (rule CLI44): could one start here, and who is in the way? */
import { readFile } from "node:fs/promises";
import {
  formatHostPort,
  hostPortOfMultiaddr,
  type HostPort,
  listenTrouble,
  nearestFreePort,
} from "../host-port.ts";
import { listenerOf } from "../port-holder.ts";
import type { Finding } from "./doctor-finding.ts";

const check = "ports";
const firstFree = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** Whether the ports that a node would open are free. */
export async function checkPorts(
  http: HostPort | undefined,
  listen: readonly string[],
): Promise<Finding[]> {
  const wanted = [
    ...(http === undefined ? [] : [{ flag: "--http", at: http }]),
    ...listen.flatMap((text) => {
      const at = hostPortOfMultiaddr(text);
      return at === undefined ? [] : [{ flag: "--listen", at }];
    }),
  ];
  return await Promise.all(wanted.map(({ flag, at }) => portFinding(flag, at)));
}

async function portFinding(flag: string, at: HostPort): Promise<Finding> {
  const text = formatHostPort(at);
  const trouble = await listenTrouble(at);
  if (trouble === undefined) return { check, result: "ok", detail: `${text} is free (${flag})` };
  if (trouble === "not-local") {
    const detail = `${text} is not an address of this machine (${flag})`;
    return { check, result: "fail", detail, next: `choose one of \`ip addr\`, or 127.0.0.1` };
  }
  if (trouble === "forbidden") {
    const from = Number(await readFile(firstFree, "utf8").catch(() => "1024"));
    const detail = `this user may not listen on ${text}: ports below ${from} need root or CAP_NET_BIND_SERVICE`;
    return { check, result: "fail", detail, next: `choose a port from ${from} on with ${flag}` };
  }
  const holder = await listenerOf(at.port);
  const who = holder === undefined ? "another process" : `${holder.name} (pid ${holder.pid})`;
  const free = await nearestFreePort(at);
  const other = free === undefined ? `another port` : `port ${free}, which is free`;
  return {
    check,
    result: "fail",
    detail: `${text} is taken by ${who} (${flag})`,
    next: `stop that, or choose ${other}, with ${flag}`,
  };
}
