/**
 * Test hosts far from each other: each has an address in a network whose packets all go through one router in user space, with a delay, and with a firewall
 * in front of some hosts that lets them dial out and nobody in. Real kernels' TCP on both ends. Needs root and /dev/net/tun.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Cables, Host } from "./namespaces.ts";
import type { RoutedHost, RouterOrder } from "./wide-area-router-main.ts";

const ROUTER = fileURLToPath(new URL("wide-area-router-main.ts", import.meta.url));
const TUNNEL = fileURLToPath(new URL("tunnel.pl", import.meta.url));
const PORT = 6_000;
const DEVICE = "wide0";
/** A packet and what the datagram around it takes fit into one frame. */
const MTU = 1_400;

export class WideArea implements AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly #children: ChildProcess[] = [];

  private constructor(hosts: readonly Host[]) {
    this.hosts = hosts;
  }

  /** Hosts in the given order, named by whether a firewall stands before them. */
  static async open(
    cables: Cables,
    {
      delayMs,
      areShielded,
    }: { readonly delayMs: number; readonly areShielded: readonly boolean[] },
  ): Promise<WideArea> {
    const router = cables.host("left");
    const places = areShielded.map((isShielded, index) => ({
      isShielded,
      local: cables.host("right"),
      address: `10.88.0.${index + 1}`,
    }));
    const area = new WideArea(
      places.map(({ local, address }) => ({ namespace: local.namespace, address })),
    );
    const hosts: readonly RoutedHost[] = places.map(({ isShielded, local, address }) => ({
      address,
      endpoint: local.address,
      isShielded,
    }));
    const order: RouterOrder = { delayMs, port: PORT, hosts };
    try {
      await area.#start(router, [process.execPath, ROUTER, JSON.stringify(order)]);
      for (const { local, address } of places) {
        await area.#start(local, [
          "perl",
          TUNNEL,
          DEVICE,
          local.address,
          router.address,
          `${PORT}`,
        ]);
        const device = ["dev", DEVICE];
        inside(local, "addr", "add", `${address}/24`, ...device);
        inside(local, "link", "set", ...device, "mtu", `${MTU}`, "up");
      }
      return area;
    } catch (error) {
      await area[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
        child.kill("SIGKILL");
        await exited;
      }),
    );
  }

  /** Starts a program on a host and waits for its first word. */
  async #start({ namespace }: Host, command: readonly string[]): Promise<void> {
    const child = spawn("ip", ["netns", "exec", namespace, ...command], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.push(child);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.stdout.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended with ${code}`)));
    await promise;
  }
}

function inside({ namespace }: Host, ...args: readonly string[]): void {
  execFileSync("ip", ["-n", namespace, ...args], { stdio: ["ignore", "ignore", "pipe"] });
}
