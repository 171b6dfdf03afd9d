/**
 * Test hosts in network namespaces of their own, so that cables can really be cut: two switches joined by one cable, every host on one
 * of them. Nothing of it is reachable from outside, and all of it is gone when the test ends. Needs root and Debian's iproute2.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Host {
  readonly namespace: string;
  readonly address: string;
}

export class Cables implements Disposable {
  readonly #prefix: string;
  readonly #hosts: Host[] = [];
  readonly #ports = new Map<string, string>();
  readonly #sides = new Map<string, "left" | "right">();

  constructor() {
    this.#prefix = `pm${process.pid % 100_000}`;
    this.#ip("netns", "add", this.#switch);
    for (const side of ["left", "right"]) {
      this.#inSwitch("link", "add", side, "type", "bridge");
      this.#inSwitch("link", "set", side, "up");
    }
    this.#inSwitch("link", "add", "cable0", "type", "veth", "peer", "name", "cable1");
    this.#inSwitch("link", "set", "cable0", "master", "left");
    this.#inSwitch("link", "set", "cable1", "master", "right");
    this.#inSwitch("link", "set", "cable0", "up");
    this.#inSwitch("link", "set", "cable1", "up");
  }

  /** Adds a host on one side. */
  host(side: "left" | "right"): Host {
    const index = this.#hosts.length + 1;
    const namespace = `${this.#prefix}h${index}`;
    const port = `port${index}`;
    const address = `10.77.0.${index}`;
    this.#ip("netns", "add", namespace);
    this.#inSwitch("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    this.#inSwitch("link", "set", port, "master", side);
    this.#inSwitch("link", "set", port, "up");
    this.#ip("-n", namespace, "addr", "add", `${address}/24`, "dev", "eth0");
    this.#ip("-n", namespace, "link", "set", "eth0", "up");
    this.#ip("-n", namespace, "link", "set", "lo", "up");
    // Every host of a real network has a route for multicast: its default route.
    const host = { namespace, address };
    this.addMulticastRoute(host);
    this.#hosts.push(host);
    this.#ports.set(namespace, port);
    this.#sides.set(namespace, side);
    return host;
  }

  /** Cuts the cable between the two sides. */
  cut(): void {
    this.#inSwitch("link", "set", "cable0", "down");
  }

  /** Has every host drop what it sends to the other side, as where a router between the two has lost its way: no link goes down. */
  blackhole(): void {
    this.#eachAcross((host, other) => this.#blackhole("add", host, other));
  }

  /** Has two hosts drop what they send each other, whatever side they are on. */
  blackholeBetween(one: Host, other: Host): void {
    this.#blackhole("add", one, other);
    this.#blackhole("add", other, one);
  }

  openRoutes(): void {
    this.#eachAcross((host, other) => this.#blackhole("del", host, other));
  }

  /** Takes a host's route for multicast away, as on a network without a router. */
  dropMulticastRoute(host: Host): void {
    this.#ip("-n", host.namespace, "route", "del", "224.0.0.0/4");
  }

  addMulticastRoute(host: Host): void {
    this.#ip("-n", host.namespace, "route", "add", "224.0.0.0/4", "dev", "eth0");
  }

  /** The hosts file that programs started on `host` from now on see; written again, also those that run. */
  setNames(host: Host, addresses: Readonly<Record<string, string>>): void {
    const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}\n`);
    mkdirSync(filesOf(host.namespace), { recursive: true });
    writeFileSync(join(filesOf(host.namespace), "hosts"), `127.0.0.1 localhost\n${lines.join("")}`);
  }

  heal(): void {
    this.#inSwitch("link", "set", "cable0", "up");
  }

  /** Pulls the plug of one host, so that its packets are dropped both ways. */
  unplug(host: Host): void {
    this.#inSwitch("link", "set", this.#ports.get(host.namespace) ?? "", "down");
  }

  plug(host: Host): void {
    this.#inSwitch("link", "set", this.#ports.get(host.namespace) ?? "", "up");
  }

  [Symbol.dispose](): void {
    for (const { namespace } of this.#hosts) {
      this.#ip("netns", "del", namespace);
      rmSync(filesOf(namespace), { recursive: true, force: true });
    }
    this.#ip("netns", "del", this.#switch);
  }

  get #switch(): string {
    return `${this.#prefix}sw`;
  }

  #eachAcross(change: (host: Host, other: Host) => void): void {
    const sideOf = ({ namespace }: Host) => this.#sides.get(namespace);
    for (const host of this.#hosts)
      for (const other of this.#hosts) if (sideOf(host) !== sideOf(other)) change(host, other);
  }

  #blackhole(change: "add" | "del", host: Host, other: Host): void {
    this.#ip("-n", host.namespace, "route", change, "blackhole", `${other.address}/32`);
  }

  #inSwitch(...args: readonly string[]): void {
    this.#ip("-n", this.#switch, ...args);
  }

  #ip(...args: readonly string[]): void {
    execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}

/** Where iproute2 looks for files that a namespace has in place of those in /etc. */
function filesOf(namespace: string): string {
  return join("/etc/netns", namespace);
}

/** Says in one line what is missing for namespaces here; undefined when all is there. */
export function namespacesMissing(): string | undefined {
  try {
    execFileSync("ip", ["netns", "list"], { stdio: "ignore" });
  } catch {
    return "network namespaces need root and iproute2: run `apt-get install iproute2`, then the tests as root";
  }
  return process.getuid?.() === 0
    ? undefined
    : "network namespaces need root: run the tests as root";
}
