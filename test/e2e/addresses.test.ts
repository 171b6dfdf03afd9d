/** Profiles, addresses and late peers with real nodes: what `run` is told is what the others see. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { ProcessFleet } from "../support/node-process.ts";
import { until } from "../support/until.ts";

const root = mkdtempSync(join(tmpdir(), "pulsemesh-addresses-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Peer {
  readonly name: string;
  readonly status: string;
  readonly addresses: readonly string[];
  readonly pulse_every_ms: number | null;
}

/** Arguments without spaces in them. */
function words(text: string): readonly string[] {
  return text.split(" ");
}

async function peersOf(url: string): Promise<readonly Peer[]> {
  const answer = await fetch(`${url}/api/v1/peers`);
  return ((await answer.json()) as { readonly peers: readonly Peer[] }).peers;
}

test("AD1 AD2 AD3 nodes on IPv6, by names and on WebSocket, at three paces, all meet, and see what each announces", async () => {
  await using fleet = new ProcessFleet();
  const [port6, portWs] = [await freePort(), await freePort()];
  const a = await fleet.add(
    { name: "a", region: "eu" },
    {
      args: words(
        `--profile wan --listen /ip6/::1/tcp/${port6} --listen /ip4/127.0.0.1/tcp/${portWs}/ws`,
      ),
    },
  );
  const id = /\/p2p\/(\w+)/.exec(await a.joinAddress())?.[1] ?? "";
  await fleet.add(
    { name: "b", region: "eu" },
    { join: [`/dns6/localhost/tcp/${port6}/p2p/${id}`], args: ["--profile", "local"] },
  );
  const portC = await freePort();
  const announced = `/dns4/localhost/tcp/${portC}`;
  await fleet.add(
    { name: "c", region: "eu" },
    {
      meshPort: portC,
      join: [`/dns4/localhost/tcp/${portWs}/ws/p2p/${id}`],
      args: ["--profile", "lan", "--announce", announced],
    },
  );
  await fleet.allSee(["a", "b", "c"], "up", 25_000);
  const seen = await peersOf(`http://127.0.0.1:${a.options.httpPort}`);
  const paces = Object.fromEntries(seen.map(({ name, pulse_every_ms: ms }) => [name, ms]));
  expect(paces).toEqual({ b: 500, c: 1_000 });
  const ofC = seen.find(({ name }) => name === "c")?.addresses ?? [];
  expect(ofC.map((text) => text.split("/p2p/")[0])).toEqual([announced]);
  // Whoever dies is told down at its own pace: 3.2 intervals and the settle time of the slowest teller, and what the machine takes.
  const diedMs = performance.now();
  await fleet.node("b").end("SIGKILL");
  await until(
    "b is down",
    async () =>
      (await a.peerStatus("b")) === "down" && (await fleet.node("c").peerStatus("b")) === "down",
    20_000,
  );
  expect(performance.now() - diedMs).toBeGreaterThan(1_000);
}, 90_000);

test("AD4 a named member that comes up late is found by a node with a fleet and by one without, and both say that they wait", async () => {
  const [memberPort, pinnedPort, freshPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const member = `/ip4/127.0.0.1/tcp/${memberPort}`;
  const node = (name: string, httpPort: number, ...more: readonly string[]): CliProcess => {
    const args = words(`--name ${name} --profile local --http 127.0.0.1:${httpPort}`);
    return new CliProcess(["run", "--data", join(root, name), ...args, ...more]);
  };
  const here = ["--listen", "/ip4/127.0.0.1/tcp/0"];
  const startMember = (): CliProcess => node("member", 0, "--listen", member, "--open");
  let address = "";
  {
    await using first = startMember();
    await first.untilPrinted("join by");
    address = `${member}/p2p/${/\/p2p\/(\w+)/.exec(first.out)?.[1] ?? ""}`;
    await using joined = node("pinned", pinnedPort, ...here, "--join", address);
    await joined.untilPrinted("address  /");
  }
  rmSync(join(root, "pinned", "addresses.json"), { force: true });
  await using pinned = node("pinned", pinnedPort, ...here, "--join", address);
  await using fresh = node("fresh", freshPort, ...here, "--join", address);
  await pinned.untilPrinted("address  /");
  await until("both say that they wait", () => {
    const isFreshWaiting = fresh.err.includes("No member has answered");
    return isFreshWaiting && pinned.err.includes("no connection yet to a member named by --join");
  });
  expect(pinned.err).toContain("refused");
  await using late = startMember();
  await late.untilPrinted("join by");
  await fresh.untilPrinted("address  /");
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  await until("they have met", async () => {
    const views = await Promise.all([peersOf(url(pinnedPort)), peersOf(url(freshPort))]);
    return views.every((peers) => peers.filter(({ status }) => status === "up").length === 2);
  });
}, 90_000);
