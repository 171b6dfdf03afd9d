/** A closed fleet of real nodes on loopback, each in a folder of its own and on a port that it keeps, for tests of what an operator does about membership. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFleetAuthority,
  createNode,
  type NodeOptions,
  type PulsemeshNode,
} from "@pulsemesh/node";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

const TERMS = { roles: ["robot"], robots: ["*"], ttlMs: 3_600_000 } as const;

export class RealNodes implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-real-"));
  readonly #running = new Map<string, PulsemeshNode>();
  readonly #ports = new Map<string, number>();

  /** With its first node, which makes the members: its name is `issuer`, and the root's keys are in the folder `root`. */
  static async found(): Promise<RealNodes> {
    const fleet = new RealNodes();
    await createFleetAuthority({
      dir: fleet.path("issuer"),
      rootDir: fleet.path("root"),
      region: "eu",
      nowS: Date.now() / 1_000,
    });
    await fleet.start("issuer");
    return fleet;
  }

  /** A folder of that name beside those of the nodes. */
  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  get(name: string): PulsemeshNode {
    const node = this.#running.get(name);
    if (node === undefined) throw new Error(`No node ${name} runs.`);
    return node;
  }

  get issuer(): PulsemeshNode {
    return this.get("issuer");
  }

  /** Each that runs. */
  get all(): readonly PulsemeshNode[] {
    return [...this.#running.values()];
  }

  /** Where the node of that name is looked for. */
  async portOf(name: string): Promise<number> {
    const port = this.#ports.get(name) ?? (await freePort());
    this.#ports.set(name, port);
    return port;
  }

  async start(name: string, options: Partial<NodeOptions> = {}): Promise<PulsemeshNode> {
    const port = await this.portOf(name);
    const node = await createNode({
      dataDir: this.path(name),
      name,
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      profile: "local",
      ...options,
    });
    this.#running.set(name, node);
    return node;
  }

  /** One more member, made by the node that makes them, or by another that does. */
  async join(
    name: string,
    by: PulsemeshNode = this.issuer,
    options: Partial<NodeOptions> = {},
  ): Promise<PulsemeshNode> {
    return this.start(name, { ...options, invite: (await by.issuer?.invite(TERMS)) ?? "" });
  }

  async stop(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.get(name).stop()));
    for (const name of names) this.#running.delete(name);
  }

  /** From now on they know of each other what their `addresses.json` says, and nothing that was named to them. */
  async restart(...names: readonly string[]): Promise<void> {
    await this.stop(...names);
    for (const name of names) await this.start(name);
  }

  /** How many nodes stand in its `addresses.json`. */
  savedAt(name: string): number {
    const file = this.path(name, "addresses.json");
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.split("/ip4/127.0.0.1/").length - 1;
  }

  /** Each that runs shows each other one as up. */
  async allUp(limitMs: number = 30_000): Promise<void> {
    const { all } = this;
    const isUp = (at: PulsemeshNode): boolean =>
      all.every((of) => of === at || statusOf(at, of) === "up");
    await until("all are up", () => all.every(isUp), limitMs);
  }

  /** All are up, and each has kept where each other one is. */
  async allMet(): Promise<void> {
    await this.allUp();
    const others = this.#running.size - 1;
    await until("each has met all others", () =>
      [...this.#running.keys()].every((name) => this.savedAt(name) >= others),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((node) => node.stop()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function statusOf(viewer: PulsemeshNode, of: PulsemeshNode): string | undefined {
  return viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;
}

/** A counter of one label, as `/metrics` has it; 0 where nothing was counted. */
function countAt(node: PulsemeshNode, label: string, value: string): number {
  return node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels[label] === value)
    .reduce((sum, each) => sum + each.value, 0);
}

/** Times that a node let in nobody for this reason. */
export const refusals = (node: PulsemeshNode, reason: string): number =>
  countAt(node, "reason", reason);

/** Rows of others that came to this. */
export const rowsOf = (node: PulsemeshNode, result: string): number =>
  countAt(node, "result", result);

/** As `pulsemesh grant list --json` at one node, and `pulsemesh key publish` of that at another. */
export async function publish(from: PulsemeshNode, to: PulsemeshNode): Promise<unknown> {
  return to.command({ type: "statements", tokens: from.authorityView().enrolment });
}
