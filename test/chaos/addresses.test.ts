/** Names and the local network among real nodes, each in a network namespace of its own: nothing leaves the switch that joins them. */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Cables, namespacesMissing, type Host } from "../support/namespaces.ts";
import { NodeProcess, ProcessFleet, type NodeProcessOptions } from "../support/node-process.ts";
import { until } from "../support/until.ts";

const CLI = fileURLToPath(new URL("../../packages/cli/bin/pulsemesh.js", import.meta.url));
const PORT = 7_421;

/** A node on a host, that is told no address but those in `more`. */
function place(
  fleet: ProcessFleet,
  name: string,
  host: Host,
  more: Partial<NodeProcessOptions> = {},
): NodeProcess {
  const socketPath = join(fleet.dir, `${name}.sock`);
  const node = new NodeProcess({
    name,
    dataDir: join(fleet.dir, name),
    meshPort: PORT,
    httpPort: 7_420,
    namespace: { name: host.namespace, address: host.address, socketPath },
    ...more,
    args: ["--profile", "local", ...(more.args ?? [])],
  });
  fleet.nodes.push(node);
  return node;
}

/** What `pulsemesh doctor` says on a host, but for what is well. */
async function doctorOn(host: Host): Promise<readonly string[]> {
  const ask = ["doctor", "--json", "--url", "http://127.0.0.1:7420"];
  const args = ["netns", "exec", host.namespace, process.execPath, CLI, ...ask];
  const { stdout } = await promisify(execFile)("ip", args);
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly {
      readonly check: string;
      readonly detail: string;
      readonly next?: string;
    }[];
  };
  return findings
    .filter(({ check, next }) => check === "reach" && next !== undefined)
    .map(({ detail, next }) => `${detail} → ${next}`);
}

describe("addresses", () => {
  beforeAll(() => {
    const missing = namespacesMissing();
    if (missing !== undefined) throw new Error(missing);
  });

  test("AD5 a member that knows no address finds its fleet on the network; a fresh node makes its own there, and says so", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const hosts = [cables.host("left"), cables.host("right"), cables.host("left")] as const;
    const first = await place(fleet, "first", hosts[0], { args: ["--mdns"] }).start();
    const id = String((await first.json("/api/v1/peers"))["fleet"]);
    const dataDir = join(fleet.dir, "told");
    const made = await first.ask("POST", "/api/v1/authority/invites", { roles: ["robot"] });
    const { invite } = JSON.parse(made.text) as { readonly invite: string };
    const enrol = [process.execPath, CLI, "join", invite, "--data", dataDir];
    await promisify(execFile)("ip", ["netns", "exec", hosts[1].namespace, ...enrol]);
    const told = await place(fleet, "told", hosts[1], { args: ["--mdns", "--fleet", id] }).start();
    const stranger = await place(fleet, "stranger", hosts[2], { args: ["--mdns"] }).start();
    await fleet.allSee(["first", "told"], "up", 30_000);
    expect(String((await told.json("/api/v1/peers"))["fleet"])).toBe(id);
    expect(stranger.output).toContain("made a fleet of its own");
    expect(told.output).not.toContain("made a fleet of its own");
    // It stands on the same network for as long as it took the others to meet, and is of nobody's fleet but its own.
    expect(await stranger.peerStatuses()).toEqual(new Map());
    await told.end("SIGTERM");
    const other = place(fleet, "other", hosts[1], { dataDir, args: ["--fleet", "b".repeat(52)] });
    await expect(other.start()).rejects.toThrow("belongs to fleet");
  });

  test("AD2 CH6 whom one joined by the name of a WebSocket is believed of others on that network", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const [one, two, three] = [cables.host("left"), cables.host("right"), cables.host("left")];
    for (const host of [two, three]) cables.setNames(host, { "member.test": one.address });
    const ws = ["--listen", `/ip4/${one.address}/tcp/${PORT + 1}/ws`];
    const member = await place(fleet, "member", one, { args: ["--open", ...ws] }).start();
    const id = /\/p2p\/(\w+)/.exec(await member.joinAddress())?.[1] ?? "";
    const join = [`/dns4/member.test/tcp/${PORT + 1}/ws/p2p/${id}`];
    await place(fleet, "first", two, { join }).start();
    const joined = await place(fleet, "second", three, { join }).start();
    // Of each other they know by the member alone.
    await until(
      "both are connected to it",
      async () => {
        // Looking may take longer than the question for it may.
        const found = await joined.json("/api/v1/diagnostics").catch(() => ({ links: [] }));
        const { links } = found as unknown as {
          readonly links: readonly { readonly connected: string | null }[];
        };
        return links.filter(({ connected }) => connected !== null).length === 2;
      },
      40_000,
    );
  });

  test("AD2 a member that moves is followed by its name, when nobody but the hosts file says where it is now", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const hosts = [cables.host("left"), cables.host("right"), cables.host("left")] as const;
    const name = "member.test";
    cables.setNames(hosts[1], { [name]: hosts[0].address });
    const member = await place(fleet, "member", hosts[0], { args: ["--open"] }).start();
    const id = /\/p2p\/(\w+)/.exec(await member.joinAddress())?.[1] ?? "";
    const joined = await place(fleet, "joined", hosts[1], {
      join: [`/dns4/${name}/tcp/${PORT}/p2p/${id}`],
    }).start();
    await fleet.allSee(["member", "joined"], "up", 20_000);
    await member.end("SIGKILL");
    await until("it is missed", async () => (await joined.peerStatus("member")) !== "up", 20_000);
    // On another machine now, and it remembers nobody, so that it can only be found.
    rmSync(join(fleet.dir, "member", "addresses.json"), { force: true });
    cables.setNames(hosts[1], { [name]: hosts[2].address });
    const dataDir = join(fleet.dir, "member");
    const moved = await place(fleet, "moved", hosts[2], { dataDir }).start();
    await until(
      "they have found each other",
      async () =>
        (await joined.peerStatus("moved")) === "up" && (await moved.peerStatus("joined")) === "up",
      30_000,
    );
  });

  test("CLI42 AD3 AD6 a node that only dials out, and one that announces a dead address, are told so on both ends", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const [one, two, three] = [cables.host("left"), cables.host("right"), cables.host("left")];
    const member = await place(fleet, "member", one, { args: ["--open"] }).start();
    const joins = [await member.joinAddress()];
    const local: Host = { namespace: two.namespace, address: "127.0.0.1" };
    await place(fleet, "shy", local, { join: joins }).start();
    // Nobody has that address; the port of the second one is closed.
    const dead = ["/ip4/10.77.0.99/tcp/7421", `/ip4/${three.address}/tcp/9`];
    const announce = dead.flatMap((address) => ["--announce", address]);
    await place(fleet, "wrong", three, { join: joins, args: announce }).start();
    await fleet.allSee(["member", "shy", "wrong"], "up", 30_000);
    // On a machine without time a dial may take too long once; a node finds out anew every five seconds.
    await vi.waitFor(
      async () => {
        const [atMember, atShy, atWrong] = await Promise.all([one, two, three].map(doctorOn));
        expect(atMember).toHaveLength(2);
        expect(atMember).toEqual(
          expect.arrayContaining([
            expect.stringMatching(/^shy says of no address where it can be reached from here/),
            expect.stringMatching(
              /^this node could not dial wrong: .*10\.77\.0\.99.*tcp\/9 refused/,
            ),
          ]),
        );
        expect(atShy).toContainEqual(
          expect.stringMatching(/^member knows no address .*127\.0\.0\.1.*→ run with --listen/),
        );
        expect(atWrong).toContainEqual(
          expect.stringMatching(
            /^member cannot reach this node: .*10\.77\.0\.99\/tcp\/7421 failed, .*tcp\/9 refused/,
          ),
        );
      },
      { timeout: 90_000, interval: 3_000 },
    );
  });
});
