/** Nodes that can dial out and that nobody can dial, far from each other (rule ME5): real processes, a firewall and 200 ms each way. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { Cables, type Host, namespacesMissing } from "../support/namespaces.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";
import { WideArea } from "../support/wide-area.ts";

const DELAY_MS = 200;
const QUIET_MS = 20_000;
const NAMES = ["public", "plant", "home"];

beforeAll(() => {
  const missing = namespacesMissing();
  if (missing !== undefined) throw new Error(missing);
});

async function startFleet(fleet: ProcessFleet, { hosts }: WideArea): Promise<void> {
  for (const [index, name] of NAMES.entries()) {
    const { namespace, address } = hosts[index] as Host;
    const socketPath = join(fleet.dir, `${name}.sock`);
    await fleet.add(
      { name, region: name },
      { meshPort: 7_421, httpPort: 7_420, namespace: { name: namespace, address, socketPath } },
    );
  }
}

/** The round trip to another one; null where there is no connection. */
async function roundTripMs(at: NodeProcess, name: string): Promise<number | null> {
  const { peers } = (await at.json("/api/v1/peers")) as unknown as {
    readonly peers: readonly { readonly name: string; readonly rtt_ms: number | null }[];
  };
  return peers.find((peer) => peer.name === name)?.rtt_ms ?? null;
}

test("ME5, VE0 two nodes that nobody can dial are up for all, hear of each other by the one that can be dialled, and are found dead by it", async () => {
  using cables = new Cables();
  await using area = await WideArea.open(cables, {
    delayMs: DELAY_MS,
    areShielded: [false, true, true],
  });
  await using fleet = new ProcessFleet();
  await startFleet(fleet, area);
  await fleet.allSee(NAMES, "up", 30_000);
  const [plant, home] = [fleet.node("plant"), fleet.node("home")];

  expect(await roundTripMs(home, "plant")).toBeNull();
  expect(await roundTripMs(home, "public")).toBeGreaterThan(2 * DELAY_MS);
  // What one writes the other shows all the same.
  expect((await plant.beat("arm")).status).toBe(200);
  expect((await plant.patch("arm", { task: "weld" })).status).toBe(200);
  await waitFor("the other to show it", 10_000, async () => {
    const answer = await home.get("/api/v1/robots/arm/state");
    return answer.text.includes("weld");
  });

  // The links stay: nobody is in doubt of anybody for as long as one looks.
  const endMs = performance.now() + QUIET_MS;
  while (performance.now() < endMs) {
    for (const name of NAMES) {
      const statuses = [...(await fleet.node(name).peerStatuses()).values()];
      expect(statuses).toEqual(["up", "up"]);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }

  await plant.end("SIGKILL");
  await waitFor("the others to say so", 15_000, async () => {
    const seen = await Promise.all(
      ["public", "home"].map((at) => fleet.node(at).peerStatus("plant")),
    );
    return seen.every((status) => status === "down");
  });
  await plant.start();
  await fleet.allSee(NAMES, "up", 30_000);
}, 180_000);
