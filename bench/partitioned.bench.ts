/**
 * How long a node that was cut off while another one was revoked goes on counting that one, once it hears others again. Real processes in network
 * namespaces; each round revokes a node of its own.
 *
 *   node bench/partitioned.bench.ts [--rounds 10]
 */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing } from "../test/support/namespaces.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../test/support/node-process.ts";
import { figuresOf, progress, report } from "./support/figures.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "10" } } });
const rounds = Number(values.rounds);
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 5;

/** How long ago the newest pulse of anybody was heard, in ms. */
async function newestPulseAgeMs(node: NodeProcess): Promise<number> {
  const { peers } = (await node.json("/api/v1/peers")) as unknown as {
    readonly peers: readonly { readonly last_pulse_age_ms: number | null }[];
  };
  return Math.min(...peers.map((peer) => peer.last_pulse_age_ms ?? Number.POSITIVE_INFINITY));
}

async function isRevokedAt(node: NodeProcess, id: string): Promise<boolean> {
  const { revoked } = (await node.json("/api/v1/authority")) as unknown as {
    readonly revoked: readonly { readonly id: string }[];
  };
  return revoked.some((each) => each.id === id);
}

/** When `holds` is true for the first time, looked at as often as the node answers. */
async function momentOf(what: string, holds: () => Promise<boolean>): Promise<number> {
  const endMs = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`Waited ${LIMIT_MS} ms in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return performance.now();
}

interface Round {
  /** From the first pulse that it hears until the revocation is held; 0 where that came first. */
  readonly afterConnectionMs: number;
  readonly afterHealMs: number;
}

async function play(fleet: ProcessFleet, cables: Cables, victim: NodeProcess): Promise<Round> {
  const [issuer, away] = [fleet.node("issuer"), fleet.node("away")];
  const { self } = (await victim.json("/api/v1/peers")) as unknown as {
    readonly self: { readonly id: string };
  };
  cables.cut();
  await waitFor("the cut to be noticed", LIMIT_MS, async () => {
    return (await away.peerStatus("issuer")) === "unknown";
  });
  const answer = await issuer.ask("POST", `/api/v1/peers/${self.id}/revocation`, {
    reason: "bench",
  });
  if (answer.status >= 300) throw new Error(answer.text);
  const healedMs = performance.now();
  cables.heal();
  const connected = momentOf("a pulse", async () => {
    return (await newestPulseAgeMs(away)) < performance.now() - healedMs;
  });
  const known = momentOf("the revocation", () => isRevokedAt(away, self.id));
  const [connectedMs, knownMs] = await Promise.all([connected, known]);
  await victim.dispose();
  return {
    afterConnectionMs: Math.max(0, knownMs - connectedMs),
    afterHealMs: knownMs - healedMs,
  };
}

async function measure(): Promise<readonly Round[]> {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  const add = async (name: string, side: "left" | "right"): Promise<NodeProcess> => {
    const { namespace, address } = cables.host(side);
    const socketPath = join(fleet.dir, `${name}.sock`);
    return await fleet.add(
      { name, region: "eu" },
      { meshPort: 7421, httpPort: 7420, namespace: { name: namespace, address, socketPath } },
    );
  };
  await add("issuer", "left");
  await add("stays", "left");
  await add("away", "right");
  const played: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const victim = await add(`victim-${round}`, "left");
    await fleet.allSee(["issuer", "stays", "away", `victim-${round}`], "up", LIMIT_MS);
    played.push(await play(fleet, cables, victim));
    progress(`round ${round + 1}/${rounds}: ${JSON.stringify(played.at(-1))}`);
    await waitFor("all to live", LIMIT_MS, async () => {
      const statuses = await fleet.node("away").peerStatuses();
      return ["issuer", "stays"].every((name) => ["up", "late"].includes(statuses.get(name) ?? ""));
    });
  }
  return played;
}

const missing = namespacesMissing();
if (missing === undefined) {
  const played = await measure();
  report("partitioned", {
    afterConnectionMs: figuresOf(played.map(({ afterConnectionMs }) => afterConnectionMs)),
    afterHealMs: figuresOf(played.map(({ afterHealMs }) => afterHealMs)),
  });
} else report("partitioned", { skipped: missing });
process.exit(0);
