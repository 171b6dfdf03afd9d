/** `pulsemesh doctor` against real nodes with real faults, and where no node runs. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { runCli } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { ProcessFleet } from "../support/node-process.ts";
import { until } from "../support/until.ts";

/** A node finds out anew every five seconds. */
const PATIENCE = { timeout: 60_000, interval: 3_000 };

const CLOCK_STEP = fileURLToPath(new URL("../support/wall-clock-step.ts", import.meta.url));

interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly next?: string;
}

async function doctor(...args: readonly string[]): Promise<{
  readonly code: number | null;
  readonly all: readonly Finding[];
  readonly trouble: readonly Finding[];
}> {
  const { code, out, err } = await runCli(["doctor", "--json", ...args]);
  if (out === "") throw new Error(`doctor printed nothing: ${err}`);
  const { findings: all } = JSON.parse(out) as { readonly findings: readonly Finding[] };
  return { code, all, trouble: all.filter(({ result }) => result !== "ok") };
}

test("CLI41 CLI42 CLI43 AD3 AD6 AD7 of three nodes the one with the wrong clock, the other pace and the wrong address is named, with what to do", async () => {
  await using fleet = new ProcessFleet();
  const a = await fleet.add({ name: "a", region: "eu" }, { args: ["--profile", "local"] });
  await fleet.add({ name: "b", region: "eu" }, { args: ["--profile", "local"] });
  const [port, closed] = [await freePort(), await freePort()];
  const announce = [port, closed].flatMap((at) => ["--announce", `/ip4/127.0.0.1/tcp/${at}`]);
  const c = await fleet.add(
    { name: "c", region: "eu" },
    {
      meshPort: port,
      args: ["--profile", "lan", ...announce],
      execArgv: ["--import", CLOCK_STEP],
      env: { TEST_WALL_AHEAD_MS: "90000" },
    },
  );
  await fleet.allSee(["a", "b", "c"], "up", 20_000);
  const url = `http://127.0.0.1:${a.options.httpPort}`;
  await until("clocks are known", async () => {
    const { peers } = (await a.json("/api/v1/peers")) as unknown as {
      readonly peers: readonly { readonly clock_offset_ms: number | null }[];
    };
    return peers.every(({ clock_offset_ms: offsetMs }) => offsetMs !== null);
  });
  // On a machine without time a dial may take too long once, and the lag is worth a word of its own.
  const atA = await vi.waitFor(async () => {
    const said = await doctor("--url", url);
    const named = said.trouble
      .filter(({ check }) => check !== "lag")
      .map(({ check, detail, next }) => `${check}: ${detail} → ${next}`);
    expect(named).toEqual([
      expect.stringMatching(/^addresses: .*only this machine/),
      expect.stringMatching(/^clock: the clock of c is 1m (29|30)s ahead .*→ .*NTP.* on c/),
      expect.stringMatching(/^paces: pulses every 500ms on a, b; 1s on c/),
      expect.stringMatching(/^issuer: the issuer's key is at this node .*→ .*--token-file/),
      expect.stringMatching(
        /^root: the keys of the fleet's root are in \S+\/a\/root: .*→ pulsemesh key move-root/,
      ),
    ]);
    return said;
  }, PATIENCE);
  expect(atA.code).toBe(0);
  expect(atA.all.find(({ check }) => check === "reach")?.detail).toBe(
    "this node reaches 2 of 2 members tried, and 2 of 2 asked reach it",
  );
  // The data folder is that of the node that was asked, not this user's.
  expect(atA.all.find(({ check }) => check === "data")?.detail).toContain(a.options.dataDir);
  const atC = await vi.waitFor(async () => {
    const said = await doctor("--url", `http://127.0.0.1:${c.options.httpPort}`);
    expect(said.trouble.filter(({ check }) => check === "reach")).toMatchObject([
      {
        detail: expect.stringMatching(
          new RegExp(`/tcp/${closed}/p2p/\\w+ is announced and leads nobody here \\(.*refused`),
        ),
        next: expect.stringContaining("correct or remove that --announce"),
      },
    ]);
    return said;
  }, PATIENCE);
  // Whoever asks the one whose clock is off is told that it is that one.
  expect(
    atC.trouble.find(({ check, detail }) => check === "clock" && detail.includes("of c is")),
  ).toBeDefined();
  const text = await runCli(["peers", "--url", url]);
  expect(text.out).toMatch(/c +eu +● up .*\+1m (29|30)s/);
}, 180_000);

test("CLI44 without a node it says whose folder that is, who holds the port, and what else stands in the way", async () => {
  await using fleet = new ProcessFleet();
  const taken = createServer();
  const port = await new Promise<number>((resolve) =>
    taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port)),
  );
  try {
    const data = join(fleet.dir, "old");
    mkdirSync(data);
    writeFileSync(join(data, "fleet.json"), JSON.stringify({ fleet: "a".repeat(52) }));
    writeFileSync(join(data, "node.key"), "secret", { mode: 0o644 });
    chmodSync(data, 0o755);
    const httpPort = await freePort();
    const listen = [`/ip4/127.0.0.1/tcp/${port}`, "/ip4/192.0.2.7/tcp/7421"];
    const flags = ["--data", data, ...listen.flatMap((at) => ["--listen", at])];
    const { code, all, trouble } = await doctor("--url", `http://127.0.0.1:${httpPort}`, ...flags);
    expect(code).toBe(1);
    expect(trouble).toMatchObject([
      { check: "node", next: expect.stringContaining("pulsemesh run") },
      {
        check: "ports",
        detail: expect.stringContaining(`127.0.0.1:${port} is taken by`),
        next: expect.stringMatching(/choose port \d+, which is free, with --listen/),
      },
      { check: "ports", detail: expect.stringContaining("192.0.2.7:7421 is not an address") },
      { check: "data", next: `chmod go= ${data}` },
      { check: "data", next: `chmod go= ${join(data, "node.key")}` },
    ]);
    expect(trouble[1]?.detail).toContain(`(pid ${process.pid})`);
    const ok = all
      .filter(({ result }) => result === "ok")
      .map(({ check, detail }) => `${check} ${detail}`);
    expect(ok).toEqual([
      expect.stringContaining("version pulsemesh "),
      expect.stringContaining(`ports 127.0.0.1:${httpPort} is free (--http)`),
      expect.stringContaining("folder of a member of fleet aaaaaaaaaaaa…"),
      expect.stringContaining("disk "),
    ]);
  } finally {
    taken.close();
  }
}, 30_000);
